"""Arrays for the tests of kernels: drawn anew, and laid out in each way that a framework does."""

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


def drawn(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
