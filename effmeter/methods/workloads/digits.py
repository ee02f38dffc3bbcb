"""scikit-learn's handwritten digits, at the size that LeNet reads; nothing is downloaded.

1797 images of 8x8 pixels (a copy of the test set of the UCI "Optical Recognition of Handwritten
Digits" data) are brought to 32x32 and standardised by the training part's mean and deviation.
The data set is small, so the training part is enlarged by moving every image, a common
augmentation; the test part holds originals only, none of which was trained on.
"""

import itertools

import torch
from sklearn import datasets
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.nn.functional import interpolate, pad

from effmeter.methods.workloads.data import LabelledImages, Split

IMAGE_SIZE = 32
_WHITE = 16.0


def load_digits(
    test_fraction: float = 0.2, split_seed: int = 0, shifts: tuple[int, ...] = (-2, 0, 2)
) -> Split:
    """The digits as (N, 1, 32, 32) float32 with labels 0 to 9 (int64), on the CPU.

    The split keeps the share of each class and depends on ``split_seed`` alone. The training
    part holds every image at every combination of ``shifts`` (pixels down and to the right):
    with the defaults 9 times 1437 images, against 360 to test on.
    """
    digits = datasets.load_digits()
    images, labels = _enlarged(torch.from_numpy(digits.images)), torch.from_numpy(digits.target)
    chosen, held_out = train_test_split(
        torch.arange(len(labels)).numpy(),
        test_size=test_fraction,
        stratify=digits.target,
        random_state=split_seed,
    )
    train = LabelledImages(images[chosen], labels[chosen])
    test = LabelledImages(images[held_out], labels[held_out])
    mean, deviation = train.images.mean(), train.images.std()
    return Split(
        LabelledImages((_shifted(train.images, shifts) - mean) / deviation, _tiled(train, shifts)),
        LabelledImages((test.images - mean) / deviation, test.labels),
    )


def _enlarged(images: Tensor) -> Tensor:
    """(N, 8, 8) values of 0 to 16 as (N, 1, 32, 32) values of 0 to 1, by bilinear filtering."""
    scaled = (images / _WHITE).to(torch.float32).unsqueeze(1)
    return interpolate(scaled, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bilinear")


def _shifted(images: Tensor, shifts: tuple[int, ...]) -> Tensor:
    """All images at each combination of shifts; what comes in at an edge is background, 0."""
    margin = max(abs(shift) for shift in shifts)
    padded = pad(images, (margin, margin, margin, margin))
    corners = itertools.product((margin - shift for shift in shifts), repeat=2)
    return torch.cat(
        [padded[:, :, y : y + IMAGE_SIZE, x : x + IMAGE_SIZE] for y, x in corners],
    )


def _tiled(images: LabelledImages, shifts: tuple[int, ...]) -> Tensor:
    return images.labels.repeat(len(shifts) ** 2)
