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
