"""The division of threads among the maps of a gradient: its planes (row, channel).

Some threads, the *lanes* of a group, walk through one map together. Where pixels lie side by side
in memory, neighbouring threads are lanes of a map; where channels do (channels last), they are in
neighbouring maps. Either way a warp reads runs of memory, and nothing is transposed.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda, types

from effmeter.kernels.cuda.compiling import Located, on_device
from effmeter.kernels.cuda.elements import Integer, quotient

THREADS = 256
PIXELS_PER_THREAD = 32
"""Enough that the loads of a thread hide each other's latency."""
LOADS_AHEAD = 8
"""How many of them are under way at a time."""
LEAST_LANES = 8
"""Side by side, eight floats are the 32 bytes that memory hands out at once."""
MOST_CHANNEL_LANES = 16
"""Leaves sixteen neighbouring channels to a block of channels last: 32 bytes of half precision."""

Strides = tuple[int, int, int, int]
STRIDES = types.UniTuple(types.int64, 4)
"""Of rows, channels, lines and pixels."""
MAPS = (types.int32,) * 6
"""Maps, channels, pixels of a map and of its lines, lanes, and whether these are neighbours."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """Groups of ``lanes`` threads; ``lanes_adjacent`` says whether these are neighbours."""

    lanes: int
    lanes_adjacent: bool
    threads: int
    blocks: int


@functools.lru_cache(maxsize=4096)
def tiling(maps: int, area: int, channels_adjacent: bool) -> Tiling:
    """The tiling of ``maps`` maps of ``area`` pixels each."""
    # A power of two, because ``share`` halves the group until one lane is left.
    wanted = power_of_two(-(-area // PIXELS_PER_THREAD))
    if channels_adjacent:
        lanes = min(wanted, MOST_CHANNEL_LANES)
    else:
        lanes = min(max(wanted, min(LEAST_LANES, power_of_two(area))), THREADS)
    # Few small maps take a smaller block than the usual one.
    threads = min(THREADS, power_of_two(maps) * lanes)
    return Tiling(lanes, not channels_adjacent, threads, -(-maps * lanes // threads))


def tiling_of(gradient: Located) -> Tiling:
    """For an array (rows, channels, height, width)."""
    rows, channels, height, width = gradient.shape
    channels_adjacent = channels > 1 and gradient.strides[1] < gradient.strides[3]
    return tiling(rows * channels, height * width, channels_adjacent)


def map_arguments(array: Located, tiles: Tiling) -> tuple[int, ...]:
    """The arguments of a kernel that describe an array's maps and their lanes, as ``MAPS``."""
    rows, channels, height, width = array.shape
    lanes = tiles.lanes, tiles.lanes_adjacent
    return rows * channels, channels, height * width, width, *lanes


def power_of_two(least: int) -> int:
    """The smallest one that is no less."""
    return 1 << max(least - 1, 0).bit_length()


def is_flat(gradient: Located) -> bool:
    """Whether the next line begins where one more pixel would."""
    return gradient.strides[2] == gradient.shape[3] * gradient.strides[3]


@on_device
def assigned(lanes: int, lanes_adjacent: int) -> Any:
    """The thread's lane, its map, and how far the lanes of its group are apart."""
    thread = cuda.threadIdx.x
    together = quotient(cuda.blockDim.x, lanes)
    first = cuda.blockIdx.x * together
    if lanes_adjacent:
        group = quotient(thread, lanes)
        return np.int32(thread - group * lanes), np.int32(first + group), np.int32(1)
    # Neighbouring threads are in neighbouring maps: the lanes of a map are ``together`` apart.
    lane = quotient(thread, together)
    return lane, np.int32(first + thread - lane * together), together


@on_device
def distance(pixel: Integer, width: int, line_stride: int, pixel_stride: int, flat: bool) -> Any:
    """How far a pixel lies from the first of its map."""
    if flat:
        return np.int32(pixel * pixel_stride)
    line = quotient(pixel, width)
    return np.int32(line * line_stride + (pixel - line * width) * pixel_stride)
