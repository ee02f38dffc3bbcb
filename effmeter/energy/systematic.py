"""Systematic errors by source, of which some are unknown.

A gain error that is not stated stands under a name of its own, as large as the energy that it
scales: it adds, and cancels in differences and ratios of the same source, as a known one does.
What is left of it makes the whole unknown (NaN).
"""

import math
from collections.abc import Mapping

NOT_STATED = " (gain not stated)"
"""The end of the name of a gain error that is not stated."""
_ROUNDING = 1e-9


def systematic_sum(by_source: Mapping[str, float], value: float) -> float:
    """Half-width of what the errors of a value can add; NaN where one of them is unknown."""
    for name, error in by_source.items():
        if name.endswith(NOT_STATED) and abs(error) > _ROUNDING * abs(value):
            return math.nan
    known = (abs(error) for name, error in by_source.items() if not name.endswith(NOT_STATED))
    return sum(known, 0.0)
