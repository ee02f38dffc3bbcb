"""The gain and offset of a sensor, fitted beside a reference that measures the same device."""

from dataclasses import dataclass

import numpy as np

from effmeter.channel import Channel
from effmeter.energy.alignment import Alignment, align
from effmeter.energy.curve import Curve
from effmeter.energy.line_fit import Line, fit_line
from effmeter.errors import MeasurementError

LEAST_WINDOW_S = 1.0
LEAST_WINDOWS = 5
"""So many windows side by side, at least."""
LEAST_RATIO = 1.5
"""The highest mean power over the lowest: less tells no gain from an offset."""
_WINDOWS_AT_ONCE = 4
"""Windows overlap: each begins a quarter of its length after the one before."""
_ENDS = (2, 98)
"""Percentiles that stand for the lowest and the highest mean power."""


@dataclass(frozen=True, slots=True)
class CalibrationFit:
    """What a fit found: watts of the reference over watts shown."""

    line: Line
    alignment: Alignment
    windows: float
    """How many windows side by side it rests on."""
    window_s: float
    lowest_w: float
    highest_w: float
    """The range of the mean power shown in which the fit was made."""


def fit_calibration(
    channel: Channel, shown: Curve, reference: Curve, earliest_s: float, latest_s: float
) -> CalibrationFit:
    """The gain and offset that turn what a channel shows into the reference.

    Args:
        channel: Whose refresh period and averaging window set the windows' length.
        shown: What it showed.
        reference: What the reference measured, on a clock that may be off.
        earliest_s: The least shift of the reference's clock (s).
        latest_s: The greatest.

    Raises:
        MeasurementError: The load hardly varies, the two do not fit each other, or their common
            time is too short.
    """
    window_s = max(LEAST_WINDOW_S, channel.refresh_s + channel.window_s)
    _check_variation(shown, window_s)
    over_s = channel.refresh_s + channel.window_s
    alignment = align(shown, reference, earliest_s, latest_s, over_s)
    reference = reference.shifted(alignment.shift_s)
    begin_s = max(shown.times_s[0], reference.times_s[0])
    end_s = min(shown.times_s[-1], reference.times_s[-1])
    windows = (end_s - begin_s) / window_s
    if windows < LEAST_WINDOWS:
        raise MeasurementError(
            f"channel and reference share {max(end_s - begin_s, 0.0):.1f} s: "
            f"record {LEAST_WINDOWS * window_s:g} s at least"
        )
    begins_s = np.arange(begin_s, end_s - window_s, window_s / _WINDOWS_AT_ONCE)
    shown_w, true_w = (curve.mean_w(begins_s, window_s) for curve in (shown, reference))
    lowest_w, highest_w = map(float, np.percentile(shown_w, _ENDS))
    line = fit_line(shown_w, true_w, _WINDOWS_AT_ONCE)
    if line.slope <= 0:
        raise MeasurementError("the reference falls where the channel rises: is it of this device?")
    return CalibrationFit(line, alignment, windows, window_s, lowest_w, highest_w)


def _check_variation(shown: Curve, window_s: float) -> None:
    begins_s = np.arange(shown.times_s[0], shown.times_s[-1] - window_s, window_s / 4)
    if len(begins_s) < LEAST_WINDOWS:
        least_s = LEAST_WINDOWS * window_s
        raise MeasurementError(f"the run is too short: record {least_s:g} s at least")
    lowest_w, highest_w = np.percentile(shown.mean_w(begins_s, window_s), _ENDS)
    if highest_w < LEAST_RATIO * max(lowest_w, 0.0) or highest_w <= 0:
        raise MeasurementError(
            f"the load must vary: record idle and full load (the channel shows {lowest_w:.1f} to "
            f"{highest_w:.1f} W)"
        )
