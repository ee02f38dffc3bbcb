"""A robust straight line through the means of two sensors over the same windows.

Windows in which the load changes are dated too badly to tell a gain from a shift. They lie far
from the line that the steady windows draw, and Tukey's bisquare gives them little or no weight
(Huber and Ronchetti, Robust Statistics, 2nd ed., chapter 7).
"""

import math
from dataclasses import dataclass

import numpy as np

from effmeter.energy.part_time import Values

TUNING = 4.685
"""In scales; 95 % efficient where the residuals are normal."""
_NORMAL_MAD = 0.6745
_ROUNDS, _SETTLED = 50, 1e-7
_SCALE_ROUNDS = 10
"""The scale is fixed after so many rounds, so that the weights settle."""
_COEFFICIENTS = 2
_LEAST_SCALE_FRACTION = 1e-5
"""Of the mean; a scale of zero would reject every window but those on the line."""


@dataclass(frozen=True, slots=True)
class Line:
    """``y = slope x + intercept``, with the half-widths of the 95 % intervals."""

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float


def fit_line(x: Values, y: Values, overlap: float) -> Line:
    """The line through windows that overlap so that ``overlap`` of them count as one."""
    weights, scale = np.ones_like(x), 0.0
    slope = intercept = math.inf
    least_scale = _LEAST_SCALE_FRACTION * float(np.abs(y).mean())
    for number in range(_ROUNDS):
        before, (slope, intercept) = slope, _weighted_line(x, y, weights)
        residuals = y - slope * x - intercept
        if number < _SCALE_ROUNDS:
            scale = max(float(np.median(np.abs(residuals))) / _NORMAL_MAD, least_scale)
        weights = np.maximum(1 - (residuals / (TUNING * scale)) ** 2, 0.0) ** 2
        if abs(slope - before) <= _SETTLED * abs(slope):
            break
    freedom = len(x) / overlap - _COEFFICIENTS
    spread = _variance(residuals / (TUNING * scale)) * (TUNING * scale) ** 2
    # The spread of one independent window, by the number of those that are left.
    error = student(freedom) * math.sqrt(spread * overlap * (1 + _COEFFICIENTS / freedom))
    around = float(((x - x.mean()) ** 2).sum())
    at_zero = math.sqrt(1 / len(x) + float(x.mean()) ** 2 / around)
    return Line(slope, intercept, error / math.sqrt(around), error * at_zero)


def _weighted_line(x: Values, y: Values, weights: Values) -> tuple[float, float]:
    x_mean, y_mean = (float(np.average(values, weights=weights)) for values in (x, y))
    covered = float((weights * (x - x_mean) * (y - y_mean)).sum())
    slope = covered / float((weights * (x - x_mean) ** 2).sum())
    return slope, y_mean - slope * x_mean


def _variance(scaled: Values) -> float:
    """The variance of the estimate by Huber's formula, ``mean(psi^2) / mean(psi')^2``."""
    inside = scaled[np.abs(scaled) < 1] ** 2
    psi = float((inside * (1 - inside) ** 4).sum()) / len(scaled)
    slope = float(((1 - inside) * (1 - 5 * inside)).sum()) / len(scaled)
    return psi / slope**2


def student(degrees: float) -> float:
    """The 97.5 % point of Student's t, to within 3 % from three degrees of freedom on."""
    if degrees < 1:
        return math.inf
    return 1.96 + 2.4 / degrees + 3 / degrees**2
