"""How much gradients resemble those stored before, and the storing, in one pass over memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit, prange, types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

from effmeter.kernels.cpu.compiling import EXACT_FOR_NAN
from effmeter.kernels.reference import Array

_CHUNK = 1 << 14
"""Numbers that one thread takes at a time, few enough for sums in float32."""


def similarity(gradients: Sequence[Array], stored: Sequence[Array]) -> Array:
    """As the reference, of contiguous float32 parts of any shapes, all in one call.

    ValueError for parts that do not fit what is stored, or are not so.
    """
    for new, old in zip(gradients, stored, strict=True):
        if new.shape != old.shape or not (_is_plain(new) and _is_plain(old)):
            raise ValueError("parts and what is stored are float32, contiguous and of one shape")
    sizes = np.array([part.size for part in gradients], np.int64)
    chunks = -(-sizes // _CHUNK)
    sums = np.zeros((int(chunks.sum()), 3), np.float64)
    # One entry per chunk: its part, and where it starts in that part.
    parts = np.repeat(np.arange(len(sizes)), chunks)
    starts = (np.arange(len(parts)) - np.repeat(np.cumsum(chunks) - chunks, chunks)) * _CHUNK
    _compare_and_store(_addresses(gradients), _addresses(stored), sizes, parts, starts, sums)
    total = np.zeros((len(sizes), 3))
    # Float32 inside a chunk, float64 across chunks.
    np.add.at(total, parts, sums)
    return total


def _is_plain(part: Array) -> bool:
    return part.dtype == np.float32 and part.flags.c_contiguous


def _addresses(parts: Sequence[Array]) -> Array:
    return np.array([part.ctypes.data for part in parts], np.int64)


def _memory_at(_context: Any, _address: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


_memory: Any = intrinsic(_memory_at)
"""The memory at an address, for ``carray``."""


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _compare_and_store(
    gradients: Array, stored: Array, sizes: Array, parts: Array, starts: Array, sums: Array
) -> None:
    for chunk in prange(parts.size):
        part, start = parts[chunk], starts[chunk]
        size = sizes[part]
        # Addresses instead of a list of arrays: Numba would convert every array at each call.
        new = carray(_memory(gradients[part]), size, np.float32)[start : start + _CHUNK]
        old = carray(_memory(stored[part]), size, np.float32)[start : start + _CHUNK]
        product = now = before = np.float32(0)
        for i in range(new.size):
            a, b = new[i], old[i]
            product += a * b
            now += a * a
            before += b * b
            old[i] = a
        sums[chunk, 0], sums[chunk, 1], sums[chunk, 2] = product, now, before
