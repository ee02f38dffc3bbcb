"""The largest elements of each map of a gradient, and the rest of its sum, on the GPU.

One peak takes a single pass over the gradient, which is all that is read; several take one pass
each and one more for the rest of the sum, most of them from the cache.
"""

import functools
from typing import Any

import numpy as np
from numba import cuda, types

from effmeter.kernels.cuda.compiling import (
    Dtype,
    Kernel,
    OnDevice,
    compiled,
    is_bfloat16,
    launch,
    located,
    pointer,
)
from effmeter.kernels.cuda.elements import magnitude, number, place_of, quotient, rank, share
from effmeter.kernels.cuda.maps import (
    LOADS_AHEAD,
    MAPS,
    STRIDES,
    THREADS,
    Strides,
    assigned,
    distance,
    is_flat,
    map_arguments,
    tiling_of,
)

_ABOVE_ALL = np.int64(2**63 - 1)
_BELOW_ALL = np.int64(-1)


def peaks(
    output_gradient: OnDevice, positions: OnDevice, values: OnDevice, stream: int = 0
) -> None:
    """As the reference, of float32, float16 or bfloat16 (rows, channels, height, width).

    Writes ``positions`` int32 and ``values`` float32, both contiguous (rows, channels, count).
    Many peaks are slow: the time grows with their number.
    """
    gradient, found, carried = located(output_gradient), located(positions), located(values)
    if 0 in gradient.shape[:2]:
        return
    tiles, count = tiling_of(gradient), found.shape[2]
    kernel = _kernel(gradient.dtype, is_flat(gradient), count > 1)
    launch(
        kernel,
        (tiles.blocks, 1, 1),
        tiles.threads,
        stream,
        gradient.address,
        gradient.strides,
        *map_arguments(gradient, tiles),
        found.address,
        carried.address,
        *([count] if count > 1 else []),
    )


@functools.cache
def _kernel(dtype: Dtype, flat: bool, several: bool) -> Any:
    make = several_peaks if several else single_peak
    return compiled(make(is_bfloat16(dtype), flat), *signature(dtype, several))


def signature(dtype: Dtype, several: bool) -> tuple[types.Type, ...]:
    """The types of a kernel's arguments."""
    outputs = (pointer(np.int32), pointer(np.float32))
    count = (types.int32,) if several else ()
    return (pointer(dtype), STRIDES, *MAPS, *outputs, *count)


def single_peak(bits: bool, flat: bool) -> Kernel:
    """Groups of threads go through a map each, once."""

    def largest_of_maps(
        gradient: Any,
        strides: Strides,
        maps: int,
        channels: int,
        area: int,
        width: int,
        lanes: int,
        lanes_adjacent: int,
        positions: Any,
        values: Any,
    ) -> None:
        row_stride, channel_stride, line_stride, pixel_stride = strides
        ranks = cuda.shared.array(THREADS, np.int64)
        sums = cuda.shared.array(THREADS, np.float32)
        loaded = cuda.local.array(LOADS_AHEAD, np.float32)
        lane, own, apart = assigned(lanes, lanes_adjacent)
        highest, place, total = np.int32(-1), np.int32(0), np.float32(0)
        if own < maps:
            row = quotient(own, channels)
            start = row * row_stride + (own - row * channels) * channel_stride
            pixel = lane
            while pixel < area:
                for turn in range(LOADS_AHEAD):
                    ahead = np.int32(pixel + turn * lanes)
                    # No branch, so that loads wait for each other's end together. Zeros past the
                    # end of the map do no harm: of equal magnitudes the first place counts.
                    there = min(ahead, np.int32(area - 1))
                    at = start + distance(there, width, line_stride, pixel_stride, flat)
                    value = number(gradient[at], bits)
                    loaded[turn] = value if ahead < area else np.float32(0)
                for turn in range(LOADS_AHEAD):
                    size = magnitude(loaded[turn])
                    if size > highest:
                        highest, place = size, np.int32(pixel + turn * lanes)
                    total += loaded[turn]
                pixel = np.int32(pixel + LOADS_AHEAD * lanes)
        # Magnitude and place in one integer, so that one maximum finds both.
        ranks[cuda.threadIdx.x] = rank(highest, place)
        sums[cuda.threadIdx.x] = total
        share(ranks, sums, lane, lanes, apart)
        if lane == 0 and own < maps:
            positions[own] = place_of(ranks[cuda.threadIdx.x])
            values[own] = sums[cuda.threadIdx.x]

    return largest_of_maps


def several_peaks(bits: bool, flat: bool) -> Kernel:
    """Groups of threads look for one more peak of their map each time they go through it."""

    def several_largest_of_maps(
        gradient: Any,
        strides: Strides,
        maps: int,
        channels: int,
        area: int,
        width: int,
        lanes: int,
        lanes_adjacent: int,
        positions: Any,
        values: Any,
        count: int,
    ) -> None:
        row_stride, channel_stride, line_stride, pixel_stride = strides
        ranks = cuda.shared.array(THREADS, np.int64)
        sums = cuda.shared.array(THREADS, np.float32)
        thread = cuda.threadIdx.x
        lane, own, apart = assigned(lanes, lanes_adjacent)
        own_area = area if own < maps else 0
        row = quotient(own, channels)
        start = row * row_stride + (own - row * channels) * channel_stride
        found, last = np.int64(own) * count, _ABOVE_ALL
        # The last turn finds nothing, and leaves the sum of what was not found before.
        for turn in range(count + 1):
            highest, others = _BELOW_ALL, np.float32(0)
            pixel = lane
            while pixel < own_area:
                at = start + distance(pixel, width, line_stride, pixel_stride, flat)
                value = number(gradient[at], bits)
                ranked = rank(magnitude(value), pixel)
                # Below the peak found last: the next one is the highest of these.
                if ranked < last:
                    highest = max(highest, ranked)
                    others += value
                pixel = np.int32(pixel + lanes)
            ranks[thread], sums[thread] = highest, others
            share(ranks, sums, lane, lanes, apart)
            cuda.syncthreads()
            # The slot of the group's lane 0, in which ``share`` leaves the result.
            last = ranks[thread - lane * apart]
            if lane == 0 and own < maps and turn < count:
                # Insert it: positions rise.
                position, slot = place_of(last), turn
                while slot > 0 and positions[found + slot - 1] > position:
                    positions[found + slot] = positions[found + slot - 1]
                    slot -= 1
                positions[found + slot] = position
            cuda.syncthreads()
        if lane == 0 and own < maps:
            rest = np.float32(sums[thread] / np.float32(count))
            for nth in range(count):
                position = positions[found + nth]
                at = start + distance(position, width, line_stride, pixel_stride, flat)
                values[found + nth] = number(gradient[at], bits) + rest

    return several_largest_of_maps
