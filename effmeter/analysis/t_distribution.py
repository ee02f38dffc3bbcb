"""Quantiles of Student's t distribution, for intervals over few seeds."""

import math

from effmeter.energy.confidence import CONFIDENCE

_ALMOST_NORMAL = 1000
"""Beyond this many degrees of freedom the quantile is that of the normal to four digits."""


def t_quantile(dof: int, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile: |T| stays below it with probability ``confidence``.

    ``dof`` is a whole number of degrees of freedom, at least 1. Computed by bisection on the
    closed form for whole degrees (Abramowitz and Stegun, equations 26.7.3 and 26.7.4).
    """
    if dof < 1:
        raise ValueError(f"a t distribution has at least one degree of freedom, not {dof}")
    whole = min(dof, _ALMOST_NORMAL)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        if _probability_within(angle, whole) < confidence:
            low = angle
        else:
            high = angle
    return math.sqrt(whole) * math.tan((low + high) / 2)


def _probability_within(angle: float, dof: int) -> float:
    """P(|T| < t) for ``angle`` = atan(t / sqrt(dof))."""
    is_odd = dof % 2 == 1
    cosine = math.cos(angle)
    term = cosine if is_odd else 1.0
    total = 0.0
    for step in range(2 if is_odd else 1, dof, 2):
        total += term
        term *= cosine * cosine * step / (step + 1)
    if is_odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
