"""The largest elements of each map of a gradient, and the rest of its sum.

Magnitudes are compared as integers: the bits of a float without its sign order as the float
does, a NaN above infinity, and integers compare in vectors.
"""

import numpy as np
from numba import njit, prange

from effmeter.kernels.cpu.compiling import EXACT_FOR_NAN
from effmeter.kernels.reference import Array

_WITHOUT_SIGN = np.int32(0x7FFFFFFF)
_NAN = np.int32(0x7F800001)
"""The least magnitude that is a NaN; all count as this one, so that the first is found."""


def peaks(output_gradient: Array, count: int = 1) -> tuple[Array, Array]:
    """As the reference, from float32: contiguous or channels last, any other layout is copied."""
    rows, channels, height, width = output_gradient.shape
    positions = np.empty((rows, channels, count), np.int32)
    values = np.empty((rows, channels, count), np.float32)
    pixels = output_gradient.transpose(0, 2, 3, 1)
    if count == 1 and pixels.flags.c_contiguous and not output_gradient.flags.c_contiguous:
        pixels = pixels.reshape(rows, height * width, channels)
        _peak_of_each_channel(pixels, pixels.view(np.int32), positions[..., 0], values[..., 0])
        return positions, values
    maps = np.ascontiguousarray(output_gradient).reshape(rows * channels, height * width)
    found = positions.reshape(-1, count), values.reshape(-1, count)
    if count == 1:
        _peak_of_each_map(maps, maps.view(np.int32), found[0][:, 0], found[1][:, 0])
    else:
        _peaks_of_each_map(maps, maps.view(np.int32), *found)
    return positions, values


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _peak_of_each_map(maps: Array, bits: Array, positions: Array, values: Array) -> None:
    for m in prange(maps.shape[0]):
        row, row_bits = maps[m], bits[m]
        highest = np.int32(-1)
        for i in range(row_bits.size):
            highest = max(highest, min(row_bits[i] & _WITHOUT_SIGN, _NAN))
        # Three plain loops instead of one with a branch: the compiler makes vectors of each.
        total = np.float32(0)
        for i in range(row.size):
            total += row[i]
        place = 0
        while min(row_bits[place] & _WITHOUT_SIGN, _NAN) != highest:
            place += 1
        positions[m] = place
        values[m] = total


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _peak_of_each_channel(pixels: Array, bits: Array, positions: Array, values: Array) -> None:
    """Channels last: all maps of a row side by side, so that vectors run across channels."""
    rows, area, channels = pixels.shape
    for row in prange(rows):
        highest = np.full(channels, np.int32(-1))
        place = np.zeros(channels, np.int32)
        total = np.zeros(channels, np.float32)
        for i in range(area):
            pixel, pixel_bits = pixels[row, i], bits[row, i]
            for c in range(channels):
                magnitude = min(pixel_bits[c] & _WITHOUT_SIGN, _NAN)
                # Selections instead of a branch, so that vectors run over the channels. Strictly
                # larger, so that the first of equal magnitudes stays.
                higher = magnitude > highest[c]
                highest[c] = magnitude if higher else highest[c]
                place[c] = np.int32(i) if higher else place[c]
                total[c] += pixel[c]
        positions[row] = place
        values[row] = total


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _peaks_of_each_map(maps: Array, bits: Array, positions: Array, values: Array) -> None:
    count = positions.shape[1]
    for m in prange(maps.shape[0]):
        magnitudes = np.minimum(bits[m] & _WITHOUT_SIGN, _NAN)
        least = _in_order(magnitudes.copy(), magnitudes.size - count)
        # Ties at the smallest magnitude that counts: only as many as there is room for, the first.
        of_least = count - np.sum(magnitudes > least)
        found, others = 0, np.float32(0)
        for i in range(magnitudes.size):
            taken = magnitudes[i] > least or (magnitudes[i] == least and of_least > 0)
            if taken:
                of_least -= magnitudes[i] == least
                positions[m, found] = i
                values[m, found] = maps[m, i]
                found += 1
            else:
                others += maps[m, i]
        for place in range(count):
            values[m, place] += others / np.float32(count)


@njit(cache=True)
def _in_order(numbers: Array, place: int) -> int:
    """The number that sorting would put at a place; the numbers are moved about (quickselect).

    np.partition does the same, and Numba takes several times as long to compile it.
    """
    low, high = 0, numbers.size - 1
    while low < high:
        first, middle, last = numbers[low], numbers[(low + high) // 2], numbers[high]
        pivot = max(min(first, middle), min(max(first, middle), last))
        i, j = low, high
        while i <= j:
            while numbers[i] < pivot:
                i += 1
            while numbers[j] > pivot:
                j -= 1
            if i <= j:
                numbers[i], numbers[j] = numbers[j], numbers[i]
                i, j = i + 1, j - 1
        # Between j and i, if at all, lie numbers equal to the pivot.
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return int(numbers[place])
