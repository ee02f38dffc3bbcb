"""The weight gradient of a convolution whose output gradient has few elements.

Two ways, chosen by what they read. *Direct* takes each patch from the input as it lies: little
work where the maps are large and the outputs few. *Laid out* first brings a block of rows, that
fits the cache, into padded channels-last order, where a patch is a few long runs of numbers that
vectors add up, four patches at a time: little work for each of many outputs.
"""

import math

import numpy as np
from numba import get_num_threads, njit, prange

from effmeter.kernels.cpu.compiling import EXACT_FOR_NAN
from effmeter.kernels.cpu.layouts import transposed
from effmeter.kernels.reference import Array, Window

_BLOCK_BYTES = 1 << 20
_LAID_OUT_PER_GATHERED = 1.0
"""How many numbers are laid out in the time in which one is gathered directly."""


def patches_weighted(
    inputs: Array, positions: Array, values: Array, output_width: int, window: Window
) -> Array:
    """As the reference, from float32 inputs of any strides.

    Channels are the last in memory where those of the inputs are.
    """
    _, _, height, width = inputs.shape
    gathered = positions.shape[1] * positions.shape[2] * window.elements
    if not _is_channels_last(inputs) and gathered <= height * width * _LAID_OUT_PER_GATHERED:
        return _direct(inputs, positions, values, output_width, window)
    return _laid_out(inputs, positions, values, output_width, window)


def _laid_out(
    inputs: Array, positions: Array, values: Array, output_width: int, window: Window
) -> Array:
    rows, channels, height, width = inputs.shape
    threads = max(1, min(get_num_threads(), rows))
    outputs, sums = positions.shape[1], (*window.kernel, channels)
    # Each thread adds into sums of its own: no atomics, and the order of the sums is fixed.
    by_pixel = np.zeros((threads, outputs, *sums), np.float32)
    padded_size = (height + 2 * window.padding[0], width + 2 * window.padding[1], channels)
    # A block of padded rows fills at most _BLOCK_BYTES of the cache; 4 bytes per float32.
    block_rows = max(1, min(rows // threads, _BLOCK_BYTES // (4 * math.prod(padded_size))))
    padded = np.zeros((threads, block_rows, *padded_size), np.float32)
    _gather_laid_out(
        inputs,
        padded,
        positions,
        values,
        output_width,
        window.kernel,
        window.stride,
        window.padding,
        window.dilation,
        by_pixel,
    )
    if _is_channels_last(inputs):
        if threads > 1:
            _sum_into_first(by_pixel)
        total: Array = by_pixel[0]
        return total.transpose(0, 3, 1, 2)
    gradient = np.empty((outputs, channels, *window.kernel), np.float32)
    _sum_by_channel(
        by_pixel.reshape(threads, outputs, -1, channels), gradient.reshape(outputs, channels, -1)
    )
    return gradient


def _is_channels_last(inputs: Array) -> bool:
    return inputs.strides[1] == inputs.itemsize and inputs.shape[1] > 1


def _direct(
    inputs: Array, positions: Array, values: Array, output_width: int, window: Window
) -> Array:
    gradient = np.zeros((positions.shape[1], inputs.shape[1], *window.kernel), np.float32)
    _gather_directly(
        np.ascontiguousarray(inputs),
        positions,
        values,
        output_width,
        window.kernel,
        window.stride,
        window.padding,
        window.dilation,
        gradient,
        get_num_threads(),
    )
    return gradient


@njit(parallel=True, cache=True)
def _sum_into_first(parts: Array) -> None:
    flat = parts.reshape(parts.shape[0], parts.shape[1], -1)
    for output in prange(parts.shape[1]):
        for thread in range(1, parts.shape[0]):
            for i in range(flat.shape[2]):
                flat[0, output, i] += flat[thread, output, i]


@njit(parallel=True, cache=True)
def _sum_by_channel(parts: Array, gradient: Array) -> None:
    """The threads' sums (threads, outputs, elements, channels), with the elements last."""
    threads, outputs, elements, channels = parts.shape
    for output in prange(outputs):
        sums, of_output = parts[:, output], gradient[output]
        for c in range(channels):
            for e in range(elements):
                total = sums[0, e, c]
                for thread in range(1, threads):
                    total += sums[thread, e, c]
                of_output[c, e] = total


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def _add_four(
    total: Array, a: Array, b: Array, c: Array, d: Array, by: tuple[float, float, float, float]
) -> None:
    for i in range(total.size):
        total[i] += (by[0] * a[i] + by[1] * b[i]) + (by[2] * c[i] + by[3] * d[i])


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def _add_one(total: Array, a: Array, by: float) -> None:
    for i in range(total.size):
        total[i] += by * a[i]


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def _add_patches(
    padded: Array,
    positions: Array,
    values: Array,
    output_width: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    gradient: Array,
) -> None:
    """Add up the patches of some rows, which lie padded and with the channels last."""
    rows, height, width, channels = padded.shape
    outputs, count = positions.shape[1], positions.shape[2]
    numbers = padded.reshape(rows * height * width * channels)
    # Undilated, the pixels of a kernel's line lie side by side.
    runs = 1 if dilation[1] == 1 else kernel[1]
    length = kernel[1] // runs * channels
    starts = np.empty(rows * count, np.int64)
    weights = np.empty(rows * count, np.float32)
    # Four patches at a time: the sums are loaded and stored once for four additions.
    whole = starts.size - starts.size % 4
    for output in range(outputs):
        total = gradient[output].reshape(kernel[0] * runs, length)
        for entry in range(starts.size):
            row, nth = entry // count, entry % count
            place = positions[row, output, nth]
            top, left = place // output_width * stride[0], place % output_width * stride[1]
            # The upper left corner of the patch in the padded rows, counted in numbers.
            starts[entry] = ((row * height + top) * width + left) * channels
            weights[entry] = values[row, output, nth]
        for run in range(kernel[0] * runs):
            sums = total[run]
            # From the corner down to the line of this run, and right to its pixel.
            at = (run // runs * dilation[0] * width + run % runs * dilation[1]) * channels
            for e in range(0, whole, 4):
                a, b = starts[e] + at, starts[e + 1] + at
                c, d = starts[e + 2] + at, starts[e + 3] + at
                _add_four(
                    sums,
                    numbers[a : a + length],
                    numbers[b : b + length],
                    numbers[c : c + length],
                    numbers[d : d + length],
                    (weights[e], weights[e + 1], weights[e + 2], weights[e + 3]),
                )
            for e in range(whole, starts.size):
                a = starts[e] + at
                _add_one(sums, numbers[a : a + length], weights[e])


@njit(parallel=True, cache=True)
def _gather_laid_out(
    inputs: Array,
    padded: Array,
    positions: Array,
    values: Array,
    output_width: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    gradients: Array,
) -> None:
    """Each thread lays out some rows after the others and adds them up in sums of its own."""
    threads, block_rows = padded.shape[0], padded.shape[1]
    rows = inputs.shape[0]
    for thread in prange(threads):
        # Thread t has rows t * rows // threads up to (t + 1) * rows // threads: shares differ
        # by one.
        last = (thread + 1) * rows // threads
        for first in range(thread * rows // threads, last, block_rows):
            here = min(block_rows, last - first)
            block = padded[thread, :here]
            for row in range(here):
                transposed(inputs[first + row], padding[0], padding[1], block[row])
            _add_patches(
                block,
                positions[first : first + here],
                values[first : first + here],
                output_width,
                kernel,
                stride,
                dilation,
                gradients[thread],
            )


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _gather_directly(
    images: Array,
    positions: Array,
    values: Array,
    output_width: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    gradient: Array,
    threads: int,
) -> None:
    """Each thread has some outputs and goes through the images once, so that one stays cached."""
    rows, channels, height, width = images.shape
    outputs, count = positions.shape[1], positions.shape[2]
    elements = kernel[0] * kernel[1]
    numbers = images.reshape(rows, channels * height * width)
    sums = gradient.reshape(outputs, channels * elements)
    for thread in prange(threads):
        # Unsigned, since Numba checks signed indices for negative ones at every access.
        offsets = np.empty(elements, np.uint64)
        indices = np.empty(elements, np.uint64)
        for row in range(rows):
            image = numbers[row]
            for output in range(thread * outputs // threads, (thread + 1) * outputs // threads):
                total = sums[output]
                for nth in range(count):
                    place, value = positions[row, output, nth], values[row, output, nth]
                    top = place // output_width * stride[0] - padding[0]
                    left = place % output_width * stride[1] - padding[1]
                    # The elements of the kernel that lie inside the image, once for all channels.
                    inside = 0
                    for i in range(elements):
                        y = top + i // kernel[1] * dilation[0]
                        x = left + i % kernel[1] * dilation[1]
                        if 0 <= y < height and 0 <= x < width:
                            offsets[inside], indices[inside] = y * width + x, i
                            inside += 1
                    for c in range(channels):
                        start, first = np.uint64(c * height * width), np.uint64(c * elements)
                        for i in range(inside):
                            total[first + indices[i]] += value * image[start + offsets[i]]
