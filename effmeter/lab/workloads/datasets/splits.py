"""Held-out images: a fraction, or one of several folds; always class by class."""

import numpy as np

from effmeter.errors import UnfitError
from effmeter.lab.workloads.datasets.arrays import Indices


def hold_out(labels: Indices, fraction: float, seed: int) -> tuple[Indices, Indices]:
    """The indices kept and those held out, which have the same share of each class.

    UnfitError where a class is too small to be in both.
    """
    counts = np.bincount(labels)
    for label in np.unique(labels):
        if counts[label] < 2:
            raise UnfitError(f"class {label} has a single image and cannot be split: leave it out")
    from sklearn.model_selection import train_test_split  # takes seconds to load

    kept, held = train_test_split(
        np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed
    )
    return kept, held


def fold_of(
    labels: Indices, folds: int, fold: int, classes: int, seed: int
) -> tuple[Indices, Indices]:
    """The indices outside and inside fold ``fold`` (from 1) of ``folds``, both in rising order.

    Each class is distributed over the folds in an order drawn from ``seed``, starting at the fold
    where the previous class ended, so folds differ by one image at most, of each class and in all.
    UnfitError names a fold and the class that it would lack.
    """
    numbers = _fold_numbers(labels, folds, seed)
    inside = numbers == fold - 1
    for part, place in ((labels[inside], "in"), (labels[~inside], "outside")):
        missing = np.setdiff1d(np.arange(classes), part)
        if len(missing):
            count = int((labels == missing[0]).sum())
            raise UnfitError(
                f"there is no image of class {missing[0]} {place} fold {fold} of {folds}: the "
                f"class has {count} in all, and needs one in each fold; take fewer folds"
            )
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def _fold_numbers(labels: Indices, folds: int, seed: int) -> Indices:
    random = np.random.default_rng(seed)
    by_class = [random.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    numbers = np.empty(len(labels), dtype=np.int64)
    numbers[np.concatenate(by_class)] = np.arange(len(labels)) % folds
    return numbers
