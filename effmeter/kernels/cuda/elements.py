"""Small functions that kernels call."""

from typing import Any, TypeAlias

import numpy as np
from numba import cuda

from effmeter.kernels.cuda.compiling import on_device

Integer: TypeAlias = int | np.integer[Any]

NAN = np.int32(0x7F800001)
"""The least magnitude that is a NaN; all count as this one, so that the first is found."""

_WITHOUT_SIGN = np.int32(0x7FFFFFFF)
_LAST = np.int64(0x7FFFFFFF)


@on_device
def number(element: Any, bits: bool) -> Any:
    """In single precision, an element that is a float, or the ``bits`` of a bfloat16."""
    if bits:
        return np.uint32(np.uint32(element) << np.uint32(16)).view(np.float32)
    return np.float32(element)


@on_device
def quotient(dividend: Integer, divisor: Integer) -> Any:
    """Of numbers from 0 on; division of 32 bits, where Numba's own has 64, is far cheaper."""
    return np.int32(np.uint32(dividend) // np.uint32(divisor))


@on_device
def magnitude(value: Any) -> Any:
    """An integer that orders floats by magnitude, with NaN above infinity."""
    return min(np.int32(value.view(np.int32) & _WITHOUT_SIGN), NAN)


@on_device
def rank(order: Any, place: Integer) -> Any:
    """One integer that is larger for a larger ``order``, and of equal ones for the first place."""
    return (np.int64(order) << np.int64(32)) | (_LAST - np.int64(place))


@on_device
def place_of(ranked: Any) -> Any:
    """The place that a rank was made of."""
    return np.int32(_LAST - (ranked & _LAST))


@on_device
def share(ranks: Any, sums: Any, lane: int, lanes: int, apart: int) -> None:
    """Leave in the slots of lane 0 the highest rank and the sum of its group's ``lanes`` slots.

    Every thread of a block calls it after it has filled its own slots. Those of a group lie
    ``apart`` from each other; ``lanes`` is a power of two.
    """
    thread = cuda.threadIdx.x
    half = lanes >> 1
    while half > 0:
        # All slots of the last turn are written before any is read.
        cuda.syncthreads()
        if lane < half:
            ranks[thread] = max(ranks[thread], ranks[thread + half * apart])
            sums[thread] += sums[thread + half * apart]
        half >>= 1
