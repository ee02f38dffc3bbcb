"""Which channels of a gradient matter most, and the gradient of these alone."""

import numpy as np
from numba import njit, prange

from effmeter.kernels.cpu.compiling import EXACT_FOR_NAN
from effmeter.kernels.reference import Array


def importance(output_gradient: Array) -> Array:
    """Sum of magnitudes of each channel (channels,) of (rows, channels, height, width) float32."""
    rows, channels, height, width = output_gradient.shape
    pixels = output_gradient.transpose(0, 2, 3, 1)
    sums = np.empty((rows, channels), np.float32)
    if pixels.flags.c_contiguous:
        _sums_across(pixels.reshape(rows, height * width, channels), sums)
    else:
        maps = np.ascontiguousarray(output_gradient).reshape(rows, channels, height * width)
        _sums_along(maps, sums)
    # Float32 within a map, float64 across the rows of the batch.
    total: Array = sums.sum(0, dtype=np.float64)
    return total


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _sums_along(maps: Array, sums: Array) -> None:
    rows, channels, area = maps.shape
    for m in prange(rows * channels):
        values = maps[m // channels, m % channels]
        total = np.float32(0)
        for i in range(area):
            total += abs(values[i])
        sums[m // channels, m % channels] = total


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _sums_across(pixels: Array, sums: Array) -> None:
    rows, area, channels = pixels.shape
    for row in prange(rows):
        total = sums[row]
        # Channels are neighbours in memory: one vector of sums for all of them.
        total[:] = 0
        for i in range(area):
            pixel = pixels[row, i]
            for c in range(channels):
                total[c] += abs(pixel[c])


def gathered(output_gradient: Array, chosen: Array) -> Array:
    """The chosen channels (rows, chosen, height, width), laid out with the channels last."""
    rows, _, height, width = output_gradient.shape
    kept = np.empty((rows, height, width, len(chosen)), output_gradient.dtype)
    _gather(output_gradient, chosen, kept)
    return kept.transpose(0, 3, 1, 2)


@njit(parallel=True, cache=True)
def _gather(gradient: Array, chosen: Array, kept: Array) -> None:
    rows, _, height, width = gradient.shape
    for line in prange(rows * height):
        row, y = line // height, line % height
        target = kept[row, y]
        for k in range(chosen.size):
            source = gradient[row, chosen[k], y]
            for x in range(width):
                target[x, k] = source[x]
