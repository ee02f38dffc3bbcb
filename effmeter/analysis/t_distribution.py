"""Student's t distribution: how many standard errors an interval over few seeds must reach."""

import math

from effmeter.energy.confidence import CONFIDENCE

_ALMOST_NORMAL = 1000
"""From so many degrees of freedom on the quantile no longer moves in four digits."""


def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The t that a Student variable stays within, on both sides, with this probability.

    ``freedom`` counts the degrees of freedom, from 1. Found by bisection on the closed form for
    whole degrees (Abramowitz and Stegun, equations 26.7.3 and 26.7.4).
    """
    if freedom < 1:
        raise ValueError(f"a t distribution has at least one degree of freedom, not {freedom}")
    whole = min(freedom, _ALMOST_NORMAL)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        if _probability_within(angle, whole) < confidence:
            low = angle
        else:
            high = angle
    return math.sqrt(whole) * math.tan((low + high) / 2)


def _probability_within(angle: float, freedom: int) -> float:
    """P(|T| < t) for ``angle`` = atan(t / sqrt(freedom))."""
    is_odd = freedom % 2 == 1
    cosine = math.cos(angle)
    term = cosine if is_odd else 1.0
    total = 0.0
    for step in range(2 if is_odd else 1, freedom, 2):
        total += term
        term *= cosine * cosine * step / (step + 1)
    if is_odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
