"""Of which rows a model is sure, and the others, closed up."""

import math

import numpy as np
from numba import njit, prange

from effmeter.kernels.cpu.compiling import EXACT_FOR_NAN
from effmeter.kernels.cpu.elementary import sum_of_exponentials
from effmeter.kernels.reference import Array

_LEAST_ROWS = 64
"""Rows that are worth a thread."""


def confidence(
    scores: Array,
    targets: Array,
    threshold: float,
    only_right: bool,
    draws: Array,
    probability: float,
) -> tuple[Array, Array, Array]:
    """As the reference, from contiguous float32 scores and draws and int64 targets."""
    rows = len(scores)
    softmax, right = np.empty(rows, np.float32), np.empty(rows, np.bool_)
    # The number of blocks does not depend on the threads, so that the result does not either.
    kept, blocks = np.empty(rows, np.int64), max(1, min(16, rows // _LEAST_ROWS))
    counts = np.zeros(blocks, np.int64)
    left = _judge(
        scores,
        targets,
        np.float32(threshold),
        only_right,
        draws,
        np.float32(probability),
        softmax,
        right,
        kept,
        counts,
    )
    return softmax, right, kept[:left]


@njit(parallel=True, fastmath=EXACT_FOR_NAN, cache=True)
def _judge(
    scores: Array,
    targets: Array,
    threshold: np.float32,
    only_right: bool,
    draws: Array,
    probability: np.float32,
    softmax: Array,
    right: Array,
    kept: Array,
    counts: Array,
) -> int:
    """Each block writes the rows that it keeps at its own start; they are closed up at the end."""
    rows, blocks = scores.shape[0], counts.size
    for block in prange(blocks):
        first, found = block * rows // blocks, 0
        room = np.empty((2, scores.shape[1]), np.float32)
        for row in range(first, (block + 1) * rows // blocks):
            sure, best = _softmax_of_largest(scores[row], room[0], room[1])
            softmax[row] = sure
            right[row] = best == targets[row]
            chance = sure if math.isnan(probability) else probability
            left_out = sure > threshold and (right[row] or not only_right) and draws[row] < chance
            # Always written, and overwritten by the next row unless this one counts: no branch.
            kept[first + found] = row
            found += not left_out
        counts[block] = found
    end = counts[0]
    for block in range(1, blocks):
        first = block * rows // blocks
        for i in range(counts[block]):
            kept[end] = kept[first + i]
            end += 1
    return int(end)


@njit(fastmath=EXACT_FOR_NAN, cache=True)
def _softmax_of_largest(scores: Array, rests: Array, powers: Array) -> tuple[np.float32, int]:
    """The largest softmax and its class; NaN and -1 where it is not known."""
    highest, unknown = np.float32(-np.inf), 0
    for i in range(scores.size):
        highest = max(highest, scores[i])
        unknown |= scores[i] != scores[i]
    if unknown or not math.isfinite(highest):
        return np.float32(np.nan), -1
    best = 0
    while scores[best] != highest:
        best += 1
    return np.float32(1) / sum_of_exponentials(scores, highest, rests, powers), best
