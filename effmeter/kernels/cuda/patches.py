"""The weight gradient of a convolution whose output gradient has few elements, on the GPU.

See ``patch_tiling`` for the division of the work. It takes rows x outputs x count x inputs x kernel
elements multiplications, each of which reads a number from the cache or from shared memory; that
bounds it wherever channels are many and maps are small.
"""

import functools
from typing import Any

import numpy as np
from numba import types

from effmeter.kernels.cuda.compiling import (
    Dtype,
    OnDevice,
    compiled,
    is_bfloat16,
    launch,
    located,
    pointer,
)
from effmeter.kernels.cuda.patch_kernels import laying_out, reading_as_they_lie
from effmeter.kernels.cuda.patch_tiling import tile_patches
from effmeter.kernels.reference import Window


def slices(inputs: OnDevice, positions: OnDevice, window: Window) -> int:
    """How many parts ``patches_weighted`` writes, at least one."""
    return tile_patches(located(inputs), located(positions).shape[1], window).slices


def patches_weighted(
    inputs: OnDevice,
    positions: OnDevice,
    values: OnDevice,
    output_width: int,
    window: Window,
    parts: OnDevice,
    stream: int = 0,
) -> None:
    """As the reference, from inputs of float32, float16 or bfloat16, and what ``peaks`` writes.

    Writes ``parts`` float32 (slices, out, in, kernel height, kernel width), by its strides; their
    sum over the slices is the weight gradient.
    """
    images, found, sums = located(inputs), located(positions), located(parts)
    outputs, count = found.shape[1:]
    tiling = tile_patches(images, outputs, window)
    if not outputs * images.shape[1]:
        return
    kernel = _kernel(
        images.dtype, window.kernel, tiling.outputs_per_thread, tiling.rows_laid_out > 0
    )
    launch(
        kernel,
        tiling.blocks,
        tiling.threads,
        stream,
        images.address,
        images.strides,
        images.shape,
        found.address,
        located(values).address,
        outputs,
        count,
        output_width,
        window.stride,
        window.padding,
        window.dilation,
        *([tiling.lanes, tiling.rows_laid_out] if tiling.rows_laid_out else [tiling.lanes]),
        sums.address,
        sums.strides,
    )


@functools.cache
def _kernel(dtype: Dtype, size: tuple[int, int], outputs_each: int, lay_out: bool) -> Any:
    make = laying_out if lay_out else reading_as_they_lie
    return compiled(make(is_bfloat16(dtype), *size, outputs_each), *signature(dtype, lay_out))


def signature(dtype: Dtype, lay_out: bool) -> tuple[types.Type, ...]:
    """The types of a kernel's arguments."""
    pair = types.UniTuple(types.int32, 2)
    return (
        pointer(dtype),
        types.UniTuple(types.int64, 4),
        types.UniTuple(types.int32, 4),
        pointer(np.int32),
        pointer(np.float32),
        *(types.int32,) * 3,
        *(pair,) * 3,
        *(types.int32,) * (2 if lay_out else 1),
        pointer(np.float32),
        types.UniTuple(types.int64, 5),
    )
