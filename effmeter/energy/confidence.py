"""How often an interval holds the truth, and the width that takes."""

import math

CONFIDENCE = 0.95
"""In how many cases an interval is to hold the truth."""


def covering_j(one_j: float, other_j: float) -> float:
    """Half-width that holds the sum of two independent errors in 95 % of cases (J).

    Each error is uniform over its own range; from the trapezoid that the sum of two uniform
    distributions has.
    """
    narrow_j, wide_j = sorted((one_j, other_j))
    outside = 1 - CONFIDENCE
    if math.isinf(wide_j):
        return math.inf
    if narrow_j < outside * wide_j:
        return CONFIDENCE * wide_j / 2
    return (narrow_j + wide_j) / 2 - math.sqrt(outside * narrow_j * wide_j)
