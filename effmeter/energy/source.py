"""The energy that one channel shows, with the name under which its errors are kept."""

from effmeter.channel import Channel
from effmeter.energy.estimated_part import EstimatedPart
from effmeter.energy.value import Energy

POWER_HEADROOM = 2.0
"""How far power inside one refresh period may exceed the highest mean seen around it."""


def source_name(channel: Channel, host: str) -> str:
    """The name under which errors of a channel are kept: one sensor of one device of one host."""
    return "/".join(filter(None, (host, channel.name, channel.device)))


def channel_energy(
    channel: Channel, value_j: float, low_j: float, high_j: float, host: str = ""
) -> Energy:
    """The energy that one channel shows, from the interval of what its readings say (J).

    The interval of an estimate includes its factor; a stated gain error stays apart.
    """
    source, gain = source_name(channel, host), channel.gain_error_fraction
    gains = {source: float(value_j * gain)} if gain else {}
    if channel.estimate_factor == 1:
        return Energy(value_j, low_j, high_j, gains)
    part = EstimatedPart(float(value_j), float(low_j), float(high_j), channel.estimate_factor)
    return Energy(value_j, *part.bounds_j, gains, {source: part})
