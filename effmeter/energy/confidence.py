"""How often an interval holds the truth, and the width that takes."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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


def coverings_j(
    one_j: "NDArray[np.float64]", other_j: "NDArray[np.float64]"
) -> "NDArray[np.float64]":
    """``covering_j`` of many pairs (n,)."""
    import numpy as np

    narrow_j, wide_j = np.minimum(one_j, other_j), np.maximum(one_j, other_j)
    outside = 1 - CONFIDENCE
    is_finite = np.isfinite(wide_j)
    finite_j = np.where(is_finite, wide_j, 0.0)
    narrow_j = np.where(is_finite, narrow_j, 0.0)
    both_j = (narrow_j + finite_j) / 2 - np.sqrt(outside * narrow_j * finite_j)
    covering = np.where(narrow_j < outside * finite_j, CONFIDENCE * finite_j / 2, both_j)
    return np.asarray(np.where(is_finite, covering, np.inf))
