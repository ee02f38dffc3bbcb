"""How sure a model is of each row, and which rows stay, on the GPU.

One launch reads the scores and leaves softmax and correctness; a second, of one block, lists the
rows to keep in their order.
"""

import functools
import math
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
    on_device,
    pointer,
)
from effmeter.kernels.cuda.elements import number, place_of, rank, share
from effmeter.kernels.cuda.maps import THREADS, assigned, power_of_two, tiling

_WITHOUT_SIGN = np.int32(0x7FFFFFFF)
_INFINITE = np.int32(0x7F800000)
_BELOW_ALL = np.int64(-(2**63))


def confidence(
    scores: OnDevice,
    targets: OnDevice,
    threshold: float,
    only_right: bool,
    draws: OnDevice,
    probability: float,
    softmax: OnDevice,
    right: OnDevice,
    kept: OnDevice,
    kept_count: OnDevice,
    stream: int = 0,
) -> None:
    """As the reference, from scores of float32, float16 or bfloat16 (rows, classes).

    ``targets`` are int64 and ``draws`` float32 (rows,). Writes ``softmax`` float32, ``right``
    uint8 (0 or 1), ``kept`` int64 (rows,), of which the first ``kept_count`` int32 (1,) count.
    """
    given, wanted, drawn = located(scores), located(targets), located(draws)
    sure, correct, left, count = (located(a) for a in (softmax, right, kept, kept_count))
    rows, classes = given.shape
    tiles = tiling(rows, classes, channels_adjacent=False)
    if rows:
        launch(
            _score_kernel(given.dtype),
            (tiles.blocks, 1, 1),
            tiles.threads,
            stream,
            given.address,
            *given.strides,
            rows,
            classes,
            tiles.lanes,
            wanted.address,
            sure.address,
            correct.address,
        )
    launch(
        _keep_kernel(),
        (1, 1, 1),
        min(THREADS, power_of_two(rows)),
        stream,
        sure.address,
        correct.address,
        drawn.address,
        rows,
        threshold,
        probability,
        only_right,
        left.address,
        count.address,
    )


@functools.cache
def _score_kernel(dtype: Dtype) -> Any:
    return compiled(score_kernel(is_bfloat16(dtype)), *score_signature(dtype))


@functools.cache
def _keep_kernel() -> Any:
    return compiled(list_kept, *keep_signature())


def score_signature(dtype: Dtype) -> tuple[types.Type, ...]:
    """The types of the arguments of the kernel that scores."""
    outputs = (pointer(np.int64), pointer(np.float32), pointer(np.uint8))
    return (pointer(dtype), types.int64, types.int32, *(types.int32,) * 3, *outputs)


def keep_signature() -> tuple[types.Type, ...]:
    """The types of the arguments of the kernel that lists."""
    inputs = (pointer(np.float32), pointer(np.uint8), pointer(np.float32), types.int32)
    settings = (types.float32, types.float32, types.int32)
    return (*inputs, *settings, pointer(np.int64), pointer(np.int32))


def score_kernel(bits: bool) -> Kernel:
    """Groups of threads go through a row each."""

    def score_rows(
        scores: Any,
        row_stride: int,
        class_stride: int,
        rows: int,
        classes: int,
        lanes: int,
        targets: Any,
        softmax: Any,
        right: Any,
    ) -> None:
        ranks = cuda.shared.array(THREADS, np.int64)
        sums = cuda.shared.array(THREADS, np.float32)
        thread = cuda.threadIdx.x
        lane, row, apart = assigned(lanes, 1)
        own_classes = classes if row < rows else 0
        best = _BELOW_ALL
        each = np.int32(lane)
        while each < own_classes:
            best = max(
                best,
                rank(order(number(scores[row * row_stride + each * class_stride], bits)), each),
            )
            each = np.int32(each + lanes)
        ranks[thread], sums[thread] = best, np.float32(0)
        share(ranks, sums, lane, lanes, apart)
        cuda.syncthreads()
        # The group's lane 0 holds the largest score and, of equal ones, the first class.
        predicted = place_of(ranks[thread - lane])
        cuda.syncthreads()
        total, highest = np.float32(0), np.float32(0)
        if own_classes > 0:
            highest = number(scores[row * row_stride + predicted * class_stride], bits)
        each = np.int32(lane)
        while each < own_classes:
            score = number(scores[row * row_stride + each * class_stride], bits)
            # Less the largest score, no exponential overflows.
            total += np.float32(math.exp(np.float32(score - highest)))
            each = np.int32(each + lanes)
        sums[thread] = total
        share(ranks, sums, lane, lanes, apart)
        if lane == 0 and row < rows:
            known = (highest.view(np.int32) & _WITHOUT_SIGN) < _INFINITE
            softmax[row] = np.float32(1) / sums[thread] if known else np.float32(np.nan)
            right[row] = known and predicted == targets[row]

    return score_rows


@on_device
def order(value: Any) -> Any:
    """An integer that orders floats by value, with NaN above infinity, and both zeros alike."""
    bits = np.float32(value + np.float32(0)).view(np.int32)
    size = bits & _WITHOUT_SIGN
    if size > _INFINITE:
        return np.int32(_INFINITE + 1)
    return np.int32(size if bits >= 0 else -size)


def list_kept(
    softmax: Any,
    right: Any,
    draws: Any,
    rows: int,
    threshold: float,
    probability: float,
    only_right: int,
    kept: Any,
    kept_count: Any,
) -> None:
    """One block goes through the rows, and counts before each those that stay."""
    counts = cuda.shared.array(THREADS, np.int32)
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    before, first = np.int32(0), np.int32(0)
    while first < rows:
        row = np.int32(first + thread)
        stays = np.int32(0)
        if row < rows:
            chance = softmax[row] if math.isnan(probability) else probability
            sure = softmax[row] > threshold and draws[row] < chance
            stays = np.int32(0 if sure and (right[row] != 0 or only_right == 0) else 1)
        counts[thread] = stays
        # A running sum over the block (Hillis and Steele): afterwards counts[t] is the number of
        # rows up to t that stay, and so the place of row t in the list.
        apart = 1
        while apart < threads:
            cuda.syncthreads()
            added = counts[thread - apart] if thread >= apart else np.int32(0)
            cuda.syncthreads()
            counts[thread] += added
            apart <<= 1
        cuda.syncthreads()
        if stays:
            kept[before + counts[thread] - 1] = row
        before = np.int32(before + counts[threads - 1])
        cuda.syncthreads()
        first = np.int32(first + threads)
    if thread == 0:
        kept_count[0] = before
