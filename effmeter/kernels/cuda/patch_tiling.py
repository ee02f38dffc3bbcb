"""The division of the sum of patches among threads.

A thread has one input channel and a few outputs, and keeps its part of the weight gradient in
registers while it goes through rows; neighbouring threads have neighbouring channels. Where there
are too few such threads to fill a device, rows are cut into slices, whose parts are added up
afterwards: no atomics, and the order is always the same.

With channels last, patches are read where they lie, in runs of memory. Otherwise the padded maps
of some channels are first laid out in shared memory with the channels last, if they fit, so that
the input is read once and in order. Maps that do not fit are so large that patches cover little of
them: these are read where they lie.
"""

import functools
from dataclasses import dataclass

from effmeter.kernels.cuda.compiling import Located
from effmeter.kernels.cuda.maps import THREADS, power_of_two
from effmeter.kernels.reference import Window

SHARED_FLOATS = 11008
"""43 KiB: with what Numba adds, below the 48 that every device gives a block."""
SUMS_PER_THREAD = 36
"""Registers for them: four outputs of a 3x3 kernel."""
MOST_OUTPUTS_PER_THREAD = 8
BLOCKS_WANTED = 512
"""A few for each multiprocessor of a large device."""
WARP = 32
LEAST_LANES = 8


@dataclass(frozen=True, slots=True)
class PatchTiling:
    """``lanes`` channels and ``outputs_per_thread`` outputs a thread; rows laid out at a time, or
    0 where patches are read as they lie; blocks (channels, outputs, slices) of ``threads``.
    """

    lanes: int
    outputs_per_thread: int
    rows_laid_out: int
    blocks: tuple[int, int, int]
    threads: int = THREADS

    @property
    def slices(self) -> int:
        """Parts of the weight gradient that are to be added up."""
        return self.blocks[2]


def tile_patches(inputs: Located, outputs: int, window: Window) -> PatchTiling:
    """For inputs (rows, in, height, width)."""
    channels_adjacent = inputs.shape[1] > 1 and inputs.strides[1] < inputs.strides[3]
    return _tiling(inputs.shape, channels_adjacent, outputs, window)


@functools.lru_cache(maxsize=4096)
def _tiling(
    shape: tuple[int, ...], channels_adjacent: bool, outputs: int, window: Window
) -> PatchTiling:
    rows, channels, height, width = shape
    padded = (height + 2 * window.padding[0]) * (width + 2 * window.padding[1])
    lanes = min(WARP, power_of_two(channels))
    laid_out = 0
    if not channels_adjacent:
        # A pixel takes one number more than channels: odd, so that threads that write one channel's
        # pixels use different banks of the memory.
        fitting = lanes
        while fitting > LEAST_LANES and padded * (fitting + 1) > SHARED_FLOATS:
            fitting //= 2
        laid_out = min(SHARED_FLOATS // (padded * (fitting + 1)), rows)
        lanes = fitting if laid_out else lanes
    groups = THREADS // lanes
    fitting_sums = max(SUMS_PER_THREAD // window.elements, 1)
    most = min(1 << (fitting_sums.bit_length() - 1), MOST_OUTPUTS_PER_THREAD)
    per_thread = min(most, power_of_two(-(-outputs // groups)))
    across, down = -(-channels // lanes), -(-outputs // (groups * per_thread))
    slices = max(min(-(-BLOCKS_WANTED // (across * down)), rows), 1)
    # A slice lays out no more rows at a time than it has.
    return PatchTiling(lanes, per_thread, min(laid_out, -(-rows // slices)), (across, down, slices))
