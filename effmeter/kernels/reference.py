"""What the kernels compute, in NumPy and in double precision, written to be read.

A kernel is right where it agrees with its namesake here to within its own precision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel size, stride, padding and dilation of a convolution, each (vertical, horizontal)."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    @property
    def elements(self) -> int:
        """How many pixels the kernel reads."""
        return self.kernel[0] * self.kernel[1]


def peaks(output_gradient: Array, count: int = 1) -> tuple[Array, Array]:
    """The largest elements of each map of a gradient (rows, channels, height, width).

    Positions (rows, channels, count) count along a map and rise; of equal magnitudes the first
    counts, and a NaN is larger than all. The values add up to the whole map: each position
    carries its own, and an equal part of the sum of those left out. With one position that is
    the sum of the map (Wang et al., gradient approximation), with all of them the gradient.
    """
    rows, channels = output_gradient.shape[:2]
    maps = output_gradient.reshape(rows, channels, -1).astype(np.float64)
    largest_first = np.lexsort((-np.abs(maps), ~np.isnan(maps)), axis=-1)
    positions = np.sort(largest_first[..., :count], axis=-1)
    own = np.take_along_axis(maps, positions, axis=-1)
    others = np.take_along_axis(maps, largest_first[..., count:], axis=-1)
    return positions.astype(np.int32), own + others.sum(-1, keepdims=True) / count


def patches_weighted(
    inputs: Array, positions: Array, values: Array, output_width: int, window: Window
) -> Array:
    """The weight gradient (out, in, kernel height, kernel width) of a gradient with few elements.

    ``inputs`` is (rows, in, height, width); ``positions`` and ``values`` (rows, out, count) say
    where each map of the output's gradient is not zero, and what it is there.
    """
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    (pad_h, pad_w), (step_h, step_w) = window.padding, window.dilation
    padded = np.pad(inputs.astype(np.float64), ((0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)))
    rows, outputs, _ = positions.shape
    gradient = np.zeros((outputs, inputs.shape[1], kernel_h, kernel_w))
    for row in range(rows):
        for output in range(outputs):
            for position, value in zip(positions[row, output], values[row, output], strict=True):
                top = position // output_width * stride_h
                left = position % output_width * stride_w
                patch = padded[
                    row,
                    :,
                    top : top + kernel_h * step_h : step_h,
                    left : left + kernel_w * step_w : step_w,
                ]
                gradient[output] += value * patch
    return gradient


def importance(output_gradient: Array) -> Array:
    """Sum of magnitudes (channels,) of a gradient (rows, channels, height, width).

    It orders channels as the mean of Zhong et al., ssProp, does.
    """
    sums: Array = np.abs(output_gradient.astype(np.float64)).sum((0, 2, 3))
    return sums


def most_important(importances: Array, count: int) -> Array:
    """Indices (count,), rising, of the largest; of equal ones the first, and a NaN before all."""
    largest_first = np.lexsort((-importances, ~np.isnan(importances)))
    return np.sort(largest_first[:count])


def selected(output_gradient: Array, weight: Array, count: int) -> tuple[Array, Array, Array]:
    """The most important channels, and of these alone the gradient and the weight.

    Indices (count,), gradient (rows, count, height, width), weight (count, in, kernel height,
    kernel width).
    """
    chosen = most_important(importance(output_gradient), count)
    return chosen, output_gradient[:, chosen], weight[chosen]


def similarity(gradients: Sequence[Array], stored: Sequence[Array]) -> Array:
    """Of each part, the product with what is stored and both squared norms: (parts, 3).

    The stored part then becomes the gradient. A layer's cosine follows from the sums of its
    parts: product / sqrt(squared norm x squared norm) (Ibrahim et al., GSkip).
    """
    sums = np.empty((len(gradients), 3))
    for part, (new, old) in enumerate(zip(gradients, stored, strict=True)):
        now, before = new.astype(np.float64), old.astype(np.float64)
        sums[part] = (now * before).sum(), (now * now).sum(), (before * before).sum()
        old[...] = new
    return sums


def confidence(
    scores: Array,
    targets: Array,
    threshold: float,
    only_right: bool,
    draws: Array,
    probability: float,
) -> tuple[Array, Array, Array]:
    """Which rows (rows, classes) a model is not sure of (Ibrahim et al., DeadHorse).

    Gives the largest softmax (rows,), whether its class is the target (rows,), and the rows to
    keep, rising. A row is left out where the softmax exceeds ``threshold``, and its class is right
    if ``only_right``, and its number of ``draws`` (rows,) is below ``probability`` (NaN: below
    the softmax). Of equal scores the first counts. A row with NaN or infinity as its largest
    score has a softmax of NaN: it is not right, and is kept.
    """
    scores = scores.astype(np.float64)
    highest = scores.max(1, initial=-np.inf)
    highest = np.where(np.isfinite(highest), highest, np.nan)
    softmax = 1.0 / np.exp(scores - highest[:, None]).sum(1)
    right = (scores.argmax(1) == targets) & ~np.isnan(softmax)
    chance = softmax if np.isnan(probability) else probability
    left_out = (softmax > threshold) & (right | (not only_right)) & (draws < chance)
    return softmax, right, np.flatnonzero(~left_out)


PHILOX_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
PHILOX_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
PHILOX_ROUNDS = 10


def philox(counters: Array, key: tuple[int, int]) -> Array:
    """Four random words of 32 bits (..., 4) for each counter (..., 4): Philox4x32-10.

    Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3.
    """
    a, b, c, d = np.moveaxis(counters.astype(np.uint64), -1, 0)
    low = np.uint64(0xFFFFFFFF)
    for turn in range(PHILOX_ROUNDS):
        key_a, key_b = (
            np.uint64((word + turn * step) % 2**32)
            for word, step in zip(key, PHILOX_KEY_STEPS, strict=True)
        )
        from_a, from_c = (
            word * np.uint64(m) for word, m in zip((a, c), PHILOX_MULTIPLIERS, strict=True)
        )
        a, b, c, d = (
            (from_c >> np.uint64(32)) ^ b ^ key_a,
            from_c & low,
            (from_a >> np.uint64(32)) ^ d ^ key_b,
            from_a & low,
        )
    return np.stack([a, b, c, d], -1).astype(np.uint32)


def normal(size: int, seed: int, step: int, layer: int) -> Array:
    """Standard normal numbers (size,) that follow from a seed, a step and a layer.

    The key is the seed (64 bits, low word first); the counter of each four numbers is their place
    (32 bits), the layer (32 bits) and the step (64 bits, low word first). Box and Muller make two
    numbers of two words: of their upper 24 bits plus one, over 2**24, the radius, and of those
    without the one the angle in turns; first its cosine, then its sine.
    """
    blocks = -(-size // 4)
    counters = np.empty((blocks, 4), np.uint32)
    counters[:, 0] = np.arange(blocks)
    counters[:, 1:] = layer, step % 2**32, step // 2**32
    words = philox(counters, (seed % 2**32, seed // 2**32)).reshape(-1, 2) >> 8
    radius = np.sqrt(-2.0 * np.log((words[:, 0] + 1) / 2.0**24))
    angle = 2.0 * np.pi * words[:, 1] / 2.0**24
    numbers = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    return numbers.reshape(-1)[:size]
