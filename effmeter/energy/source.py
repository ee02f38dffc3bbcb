"""The energy that one channel shows, with the names under which its errors are kept."""

import math

from effmeter.channel import Channel
from effmeter.energy.estimated_part import EstimatedPart
from effmeter.energy.systematic import NOT_STATED
from effmeter.energy.value import Energy

POWER_HEADROOM = 2.0
"""How far power inside one refresh period may exceed the highest mean seen around it."""


def source_name(channel: Channel, host: str) -> str:
    """The name under which errors of a channel are kept: one sensor of one device of one host."""
    return "/".join(filter(None, (host, channel.name, channel.device)))


def channel_energy(
    channel: Channel, duration_s: float, value_j: float, low_j: float, high_j: float, host: str = ""
) -> Energy:
    """The energy that one channel shows.

    Args:
        channel: Its description.
        duration_s: How long the window lasts.
        value_j: What its readings say.
        low_j: The lower end of what its readings leave open.
        high_j: The upper end.
        host: The machine; errors of another machine's sensors are separate sources.

    Returns:
        The energy by the channel's calibration, with the sensor's noise in its interval and the
        errors by source.
    """
    if channel.calibration is not None:
        gain, offset_j = channel.calibration.gain, channel.calibration.offset_w * duration_s
        value_j, low_j, high_j = (gain * j + offset_j for j in (value_j, low_j, high_j))
    # Noise, nonlinearity and drift last for longer than a window: no length averages them away.
    noise_j = channel.noise_fraction * abs(value_j)
    if noise_j:
        least_j = min(low_j, 0.0)
        low_j = max(least_j, value_j - math.hypot(value_j - low_j, noise_j))
        high_j = value_j + math.hypot(high_j - value_j, noise_j)
    return energy_by_source(channel, duration_s, value_j, low_j, high_j, host)


def energy_by_source(
    channel: Channel, duration_s: float, value_j: float, low_j: float, high_j: float, host: str = ""
) -> Energy:
    """An energy of one channel whose interval is known, with the errors that its source shares.

    The interval of an estimate includes its factor; gain and offset errors stay apart.
    """
    source = source_name(channel, host)
    stated = {
        source: float(value_j * channel.gain_error_fraction),
        f"{source} offset": float(duration_s * channel.offset_error_w),
        f"{source}{NOT_STATED}": float(value_j) if channel.is_gain_unknown else 0.0,
    }
    systematic = {name: error_j for name, error_j in stated.items() if error_j}
    if channel.estimate_factor == 1:
        return Energy(value_j, low_j, high_j, systematic)
    part = EstimatedPart(float(value_j), float(low_j), float(high_j), channel.estimate_factor)
    return Energy(value_j, *part.bounds_j, systematic, {source: part})
