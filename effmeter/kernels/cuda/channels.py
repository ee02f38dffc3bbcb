"""Which channels of a gradient matter most, and the gradient of these alone, on the GPU."""

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
from effmeter.kernels.cuda.elements import number, quotient, share
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


def magnitude_sums(output_gradient: OnDevice, sums: OnDevice, stream: int = 0) -> None:
    """Sum of magnitudes of each map of (rows, channels, height, width), read once.

    Writes ``sums`` float32, contiguous (rows, channels); added up over the rows it is the
    ``importance`` of the reference.
    """
    gradient, written = located(output_gradient), located(sums)
    if 0 in gradient.shape[:2]:
        return
    tiles = tiling_of(gradient)
    launch(
        _sums_kernel(gradient.dtype, is_flat(gradient)),
        (tiles.blocks, 1, 1),
        tiles.threads,
        stream,
        gradient.address,
        gradient.strides,
        *map_arguments(gradient, tiles),
        written.address,
    )


def gathered(output_gradient: OnDevice, chosen: OnDevice, kept: OnDevice, stream: int = 0) -> None:
    """Copy the chosen channels, int64 (count,), of (rows, channels, height, width) to ``kept``.

    ``kept`` (rows, count, height, width) has the gradient's dtype and strides of its own, best in
    the gradient's order. Either array is read or written once.
    """
    gradient, wanted, target = located(output_gradient), located(chosen), located(kept)
    if 0 in target.shape[:2]:
        return
    tiles = tiling_of(target)
    flat = is_flat(gradient) and is_flat(target)
    launch(
        _gather_kernel(gradient.dtype, flat),
        (tiles.blocks, 1, 1),
        tiles.threads,
        stream,
        gradient.address,
        gradient.strides,
        wanted.address,
        target.address,
        target.strides,
        *map_arguments(target, tiles),
    )


@functools.cache
def _sums_kernel(dtype: Dtype, flat: bool) -> Any:
    return compiled(sums_kernel(is_bfloat16(dtype), flat), *sums_signature(dtype))


@functools.cache
def _gather_kernel(dtype: Dtype, flat: bool) -> Any:
    return compiled(gather_kernel(dtype, flat), *gather_signature(dtype))


def sums_signature(dtype: Dtype) -> tuple[types.Type, ...]:
    """The types of the arguments of the kernel that sums."""
    return (pointer(dtype), STRIDES, *MAPS, pointer(np.float32))


def gather_signature(dtype: Dtype) -> tuple[types.Type, ...]:
    """The types of the arguments of the kernel that gathers."""
    strided = (pointer(dtype), STRIDES)
    return (*strided, pointer(np.int64), *strided, *MAPS)


def sums_kernel(bits: bool, flat: bool) -> Kernel:
    """Groups of threads sum up a map each."""

    def sums_of_maps(
        gradient: Any,
        strides: Strides,
        maps: int,
        channels: int,
        area: int,
        width: int,
        lanes: int,
        lanes_adjacent: int,
        sums: Any,
    ) -> None:
        row_stride, channel_stride, line_stride, pixel_stride = strides
        ranks = cuda.shared.array(THREADS, np.int64)
        totals = cuda.shared.array(THREADS, np.float32)
        loaded = cuda.local.array(LOADS_AHEAD, np.float32)
        lane, own, apart = assigned(lanes, lanes_adjacent)
        total = np.float32(0)
        if own < maps:
            row = quotient(own, channels)
            start = row * row_stride + (own - row * channels) * channel_stride
            pixel = lane
            while pixel < area:
                for turn in range(LOADS_AHEAD):
                    ahead = np.int32(pixel + turn * lanes)
                    # No branch before the load, so that all loads of the turn are under way
                    # together.
                    there = min(ahead, np.int32(area - 1))
                    at = start + distance(there, width, line_stride, pixel_stride, flat)
                    value = abs(number(gradient[at], bits))
                    loaded[turn] = value if ahead < area else np.float32(0)
                for turn in range(LOADS_AHEAD):
                    total += loaded[turn]
                pixel = np.int32(pixel + LOADS_AHEAD * lanes)
        # ``share`` reduces ranks too; these have no use here.
        ranks[cuda.threadIdx.x] = 0
        totals[cuda.threadIdx.x] = total
        share(ranks, totals, lane, lanes, apart)
        if lane == 0 and own < maps:
            sums[own] = totals[cuda.threadIdx.x]

    return sums_of_maps


def gather_kernel(dtype: Dtype, flat: bool) -> Kernel:
    """Groups of threads copy a map each."""
    element = dtype.type

    def gather_maps(
        gradient: Any,
        strides: Strides,
        chosen: Any,
        kept: Any,
        kept_strides: Strides,
        maps: int,
        count: int,
        area: int,
        width: int,
        lanes: int,
        lanes_adjacent: int,
    ) -> None:
        row_stride, channel_stride, line_stride, pixel_stride = strides
        kept_row_stride, kept_channel_stride, kept_line_stride, kept_pixel_stride = kept_strides
        loaded = cuda.local.array(LOADS_AHEAD, element)
        lane, own, _ = assigned(lanes, lanes_adjacent)
        if own >= maps:
            return
        row = quotient(own, count)
        nth = own - row * count
        source = row * row_stride + chosen[nth] * channel_stride
        target = row * kept_row_stride + nth * kept_channel_stride
        pixel = lane
        while pixel < area:
            # Memory is written after all of this was read: otherwise each write would wait.
            for turn in range(LOADS_AHEAD):
                there = min(np.int32(pixel + turn * lanes), np.int32(area - 1))
                at = source + distance(there, width, line_stride, pixel_stride, flat)
                loaded[turn] = gradient[at]
            for turn in range(LOADS_AHEAD):
                ahead = np.int32(pixel + turn * lanes)
                if ahead < area:
                    to = target + distance(ahead, width, kept_line_stride, kept_pixel_stride, flat)
                    kept[to] = loaded[turn]
            pixel = np.int32(pixel + LOADS_AHEAD * lanes)

    return gather_maps
