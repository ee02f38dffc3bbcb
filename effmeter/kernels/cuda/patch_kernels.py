"""The kernels behind ``patches``; ``patch_tiling`` says which is for what.

A thread's sums are in registers, which takes loops over constants: a kernel is made for each size.
Loads have no branch before them and nothing between them, so that they are under way together;
what lies beyond the last output or the edge is read at the nearest place and then not used.
"""

from typing import Any

import numpy as np
from numba import cuda

from effmeter.kernels.cuda.compiling import Kernel
from effmeter.kernels.cuda.elements import number, quotient
from effmeter.kernels.cuda.patch_tiling import SHARED_FLOATS

Pair = tuple[int, int]
Shape = tuple[int, int, int, int]
Strides = tuple[int, int, int, int]
PartStrides = tuple[int, int, int, int, int]

LOADS_AHEAD = 4


def reading_as_they_lie(bits: bool, kernel_h: int, kernel_w: int, outputs_each: int) -> Kernel:
    """Patches are read from the input, with zeros beyond its edge."""
    elements = kernel_h * kernel_w
    all_sums = outputs_each * elements

    def patches_as_they_lie(
        inputs: Any,
        strides: Strides,
        shape: Shape,
        positions: Any,
        values: Any,
        outputs: int,
        count: int,
        output_width: int,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
        lanes: int,
        parts: Any,
        part_strides: PartStrides,
    ) -> None:
        row_stride, channel_stride, line_stride, pixel_stride = strides
        rows, channels, height, width = shape
        sums = cuda.local.array(all_sums, np.float32)
        weights = cuda.local.array(outputs_each, np.float32)
        tops = cuda.local.array(outputs_each, np.int32)
        lefts = cuda.local.array(outputs_each, np.int32)
        for e in range(all_sums):
            sums[e] = np.float32(0)
        # Neighbouring threads take neighbouring channels of one output; groups take other outputs.
        group = quotient(cuda.threadIdx.x, lanes)
        groups = quotient(cuda.blockDim.x, lanes)
        channel = np.int32(cuda.blockIdx.x * lanes + cuda.threadIdx.x - group * lanes)
        first_output = np.int32(cuda.blockIdx.y * groups * outputs_each + group)
        if channel >= channels:
            return
        # Each slice of the grid has its own rows and writes its own part of the gradient.
        part, all_parts = cuda.blockIdx.z, cuda.gridDim.z
        for row in range(part * rows // all_parts, (part + 1) * rows // all_parts):
            image = row * row_stride + channel * channel_stride
            for nth in range(count):
                for each in range(outputs_each):
                    output = min(np.int32(first_output + each * groups), np.int32(outputs - 1))
                    entry = (np.int64(row) * outputs + output) * count + nth
                    place, weights[each] = positions[entry], values[entry]
                    line = quotient(place, output_width)
                    tops[each] = line * stride[0] - padding[0]
                    lefts[each] = (place - line * output_width) * stride[1] - padding[1]
                for each in range(outputs_each):
                    for ky in range(kernel_h):
                        for kx in range(kernel_w):
                            y = np.int32(tops[each] + ky * dilation[0])
                            x = np.int32(lefts[each] + kx * dilation[1])
                            # Bitwise, because `and` would make branches. Outside, the image's
                            # first pixel is read and replaced by zero.
                            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
                            away = np.int32(y * line_stride + x * pixel_stride)
                            pixel = number(inputs[image + (away if inside else 0)], bits)
                            pixel = pixel if inside else np.float32(0)
                            sums[each * elements + ky * kernel_w + kx] += weights[each] * pixel
        for each in range(outputs_each):
            output = first_output + each * groups
            if output < outputs:
                start = (
                    part * part_strides[0] + output * part_strides[1] + channel * part_strides[2]
                )
                for ky in range(kernel_h):
                    for kx in range(kernel_w):
                        at = start + ky * part_strides[3] + kx * part_strides[4]
                        parts[at] = sums[each * elements + ky * kernel_w + kx]

    return patches_as_they_lie


def laying_out(bits: bool, kernel_h: int, kernel_w: int, outputs_each: int) -> Kernel:
    """Rows are laid out in shared memory, padded and with the channels last, and read there."""
    elements = kernel_h * kernel_w
    all_sums = outputs_each * elements

    def patches_laid_out(
        inputs: Any,
        strides: Strides,
        shape: Shape,
        positions: Any,
        values: Any,
        outputs: int,
        count: int,
        output_width: int,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
        lanes: int,
        rows_laid_out: int,
        parts: Any,
        part_strides: PartStrides,
    ) -> None:
        row_stride, channel_stride, line_stride, pixel_stride = strides
        rows, channels, height, width = shape
        padded = cuda.shared.array(SHARED_FLOATS, np.float32)
        loaded = cuda.local.array(LOADS_AHEAD, np.float32)
        targets = cuda.local.array(LOADS_AHEAD, np.int32)
        sums = cuda.local.array(all_sums, np.float32)
        weights = cuda.local.array(outputs_each, np.float32)
        corners = cuda.local.array(outputs_each, np.int32)
        for e in range(all_sums):
            sums[e] = np.float32(0)
        thread, threads = cuda.threadIdx.x, cuda.blockDim.x
        group, groups = quotient(thread, lanes), quotient(threads, lanes)
        lane = thread - group * lanes
        first_channel = cuda.blockIdx.x * lanes
        first_output = cuda.blockIdx.y * groups * outputs_each + group
        padded_w = width + 2 * padding[1]
        # One number more than lanes, so that the writes below meet different memory banks.
        apart = lanes + 1
        image = (height + 2 * padding[0]) * padded_w * apart
        for e in range(thread, rows_laid_out * image, threads):
            padded[e] = np.float32(0)
        channels_here = min(lanes, channels - first_channel)
        area = height * width
        part, all_parts = cuda.blockIdx.z, cuda.gridDim.z
        last = (part + 1) * rows // all_parts
        for first in range(part * rows // all_parts, last, rows_laid_out):
            rows_here = min(rows_laid_out, last - first)
            # The rows before are read to their end before these overwrite them.
            cuda.syncthreads()
            item, items = np.int32(thread), np.int32(rows_here * channels_here * area)
            while item < items:
                for turn in range(LOADS_AHEAD):
                    there = min(np.int32(item + turn * threads), np.int32(items - 1))
                    plane = quotient(there, area)
                    pixel = there - plane * area
                    row = quotient(plane, channels_here)
                    channel = plane - row * channels_here
                    y = quotient(pixel, width)
                    x = pixel - y * width
                    at = (first + row) * row_stride + (first_channel + channel) * channel_stride
                    loaded[turn] = number(inputs[at + y * line_stride + x * pixel_stride], bits)
                    # The border was set to zero once and is never written: it is the padding.
                    corner = ((y + padding[0]) * padded_w + x + padding[1]) * apart
                    targets[turn] = row * image + corner + channel
                for turn in range(LOADS_AHEAD):
                    padded[targets[turn]] = loaded[turn]
                item = np.int32(item + LOADS_AHEAD * threads)
            cuda.syncthreads()
            for row in range(rows_here):
                for nth in range(count):
                    for each in range(outputs_each):
                        output = min(np.int32(first_output + each * groups), np.int32(outputs - 1))
                        entry = (np.int64(first + row) * outputs + output) * count + nth
                        place, weights[each] = positions[entry], values[entry]
                        top = quotient(place, output_width)
                        left = (place - top * output_width) * stride[1]
                        corner = (top * stride[0] * padded_w + left) * apart
                        corners[each] = row * image + corner + lane
                    for each in range(outputs_each):
                        for ky in range(kernel_h):
                            for kx in range(kernel_w):
                                away = (ky * dilation[0] * padded_w + kx * dilation[1]) * apart
                                value = padded[np.int32(corners[each] + away)]
                                e = each * elements + ky * kernel_w + kx
                                sums[e] += weights[each] * value
        if lane >= channels_here:
            return
        for each in range(outputs_each):
            output = first_output + each * groups
            if output < outputs:
                start = (
                    part * part_strides[0]
                    + output * part_strides[1]
                    + (first_channel + lane) * part_strides[2]
                )
                for ky in range(kernel_h):
                    for kx in range(kernel_w):
                        at = start + ky * part_strides[3] + kx * part_strides[4]
                        parts[at] = sums[each * elements + ky * kernel_w + kx]

    return patches_laid_out
