"""Arrays that the cases are made of."""

from collections.abc import Callable

import numpy as np

from effmeter.kernels.reference import Array

Layout = Callable[[Array], Array]


def channels_first(array: Array) -> Array:
    return np.ascontiguousarray(array)


def channels_last(array: Array) -> Array:
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def every_other(array: Array) -> Array:
    spread = np.zeros((*array.shape[:3], 2 * array.shape[3]), array.dtype)
    spread[..., ::2] = array
    return spread[..., ::2]


LAYOUTS = (channels_first, channels_last, every_other)
DTYPES = ("float32", "float16", "bfloat16")


def drawn(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def stored_as(dtype: str, array: Array) -> Array:
    """In memory; bfloat16 as the bits that are left of single precision."""
    if dtype == "bfloat16":
        return (array.view(np.uint32) >> 16).astype(np.uint16)
    return array.astype(dtype)


def numbers_of(array: Array) -> Array:
    """What is stored, in single precision."""
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


def poisoned(dtype: str, *shape: int) -> Array:
    """An output before it is written."""
    return np.full(shape, np.nan if dtype.startswith("float") else 77, dtype)
