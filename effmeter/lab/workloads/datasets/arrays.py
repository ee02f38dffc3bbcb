"""Labelled images as they are read, before a framework sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelledArrays:
    """``images`` (N, C, H, W) uint8, from 0 to ``white``, and ``labels`` (N,) int64.

    Labels are (N, K) of 0 and 1 where an image has K attributes instead of a class.
    """

    images: NDArray[np.uint8]
    labels: Indices
    white: int = 255

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def chosen(self, indices: Indices) -> "LabelledArrays":
        """The images of those numbers, in that order."""
        return LabelledArrays(self.images[indices], self.labels[indices], self.white)


class Parts(NamedTuple):
    """What a data set's own makers set apart for training and for testing."""

    train: LabelledArrays
    test: LabelledArrays

    def pooled(self) -> LabelledArrays:
        """Both as one, the training part first."""
        return joined((self.train, self.test))


def joined(parts: Sequence[LabelledArrays]) -> LabelledArrays:
    """Parts of one data set, one behind the other."""
    return LabelledArrays(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        parts[0].white,
    )
