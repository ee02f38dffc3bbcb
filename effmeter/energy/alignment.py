"""The shift between two clocks, from the power that both sensors show of one load.

Both powers are averaged over as long as the slower sensor takes to show a change; the shift is
where their correlation is highest, first in coarse steps over the whole range, then in fine steps
around the best.
"""

from dataclasses import dataclass

import numpy as np

from effmeter.energy.curve import Curve
from effmeter.energy.part_time import Values
from effmeter.errors import MeasurementError

LEAST_CORRELATION = 0.9
"""Below it the two show different loads, or the shift is out of range."""
LEAST_SHARED_FRACTION = 0.5
"""How much of the shorter record the other has to cover."""
FINE_STEP_S = 0.02
_COARSE_SHIFTS = 400
_TIED = 0.01
"""A second shift whose correlation is within this of the best leaves the alignment open."""
_APART_STEPS = 4
_WINDOWS_AT_ONCE = 4
"""Averages overlap: each begins a quarter of its length after the one before."""
_MOST_WINDOWS = 20_000
"""A longer record is compared at so many of them."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How much later the reference's clock has to be set (s), and how well the two then agree."""

    shift_s: float
    correlation: float


def align(
    shown: Curve, reference: Curve, earliest_s: float, latest_s: float, over_s: float
) -> Alignment:
    """The shift of the reference within a range that fits the channel best.

    Powers are averaged over ``over_s``, or over a step between shifts where that is longer.

    Raises MeasurementError where no shift fits, or more than one does.
    """
    coarse_s = max(5 * FINE_STEP_S, (latest_s - earliest_s) / _COARSE_SHIFTS)
    shifts_s = np.arange(earliest_s, latest_s + coarse_s / 2, coarse_s)
    correlations = _correlations(shown, reference, shifts_s, max(coarse_s, over_s))
    best = int(np.argmax(correlations))
    if correlations[best] < LEAST_CORRELATION:
        raise MeasurementError(
            f"the reference does not follow the channel: their best correlation is "
            f"{max(correlations[best], 0.0):.2f}, at a shift of {shifts_s[best]:+.1f} s within "
            f"[{earliest_s:+.1f}, {latest_s:+.1f}] s"
        )
    _check_unique(correlations, shifts_s, best)
    near_s = shifts_s[best] + np.arange(-coarse_s, coarse_s + FINE_STEP_S / 2, FINE_STEP_S)
    fine = _correlations(shown, reference, near_s, max(FINE_STEP_S, over_s))
    return Alignment(float(near_s[np.argmax(fine)]), float(fine.max()))


def _check_unique(correlations: Values, shifts_s: Values, best: int) -> None:
    """MeasurementError where a load that repeats fits at another shift nearly as well."""
    inner = correlations[1:-1]
    peaks = np.flatnonzero((inner >= correlations[:-2]) & (inner >= correlations[2:])) + 1
    for peak in peaks[np.abs(peaks - best) >= _APART_STEPS]:
        if correlations[peak] > correlations[best] - _TIED:
            raise MeasurementError(
                f"the load repeats, so the reference fits at shifts of {shifts_s[best]:+.1f} s and "
                f"{shifts_s[peak]:+.1f} s: narrow --max-shift, or record stretches of uneven length"
            )


def _correlations(shown: Curve, reference: Curve, shifts_s: Values, over_s: float) -> Values:
    return np.array([_correlation(shown, reference.shifted(float(s)), over_s) for s in shifts_s])


def _correlation(shown: Curve, reference: Curve, over_s: float) -> float:
    """Of the two powers where both records overlap; -1 where they hardly do."""
    begin_s = max(shown.times_s[0], reference.times_s[0])
    end_s = min(shown.times_s[-1], reference.times_s[-1])
    shorter_s = min(np.ptp(shown.times_s), np.ptp(reference.times_s))
    if end_s - begin_s < LEAST_SHARED_FRACTION * shorter_s:
        return -1.0
    apart_s = max(over_s / _WINDOWS_AT_ONCE, (end_s - begin_s) / _MOST_WINDOWS)
    begins_s = np.arange(begin_s, end_s - over_s, apart_s)
    powers_w = np.array([curve.mean_w(begins_s, over_s) for curve in (shown, reference)])
    if len(begins_s) < 3 or not np.ptp(powers_w, axis=1).all():
        return -1.0
    return float(np.corrcoef(powers_w)[0, 1])
