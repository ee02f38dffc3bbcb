"""Hold-out and folds: every image once, every class everywhere, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.errors import UnfitError
from effmeter.lab.workloads.datasets.arrays import Indices
from effmeter.lab.workloads.datasets.splits import fold_of, hold_out


@st.composite
def labels_and_folds(draw: st.DrawFn) -> tuple[Indices, int, int]:
    """Labels of several classes, each in at least as many images as there are folds."""
    folds = draw(st.integers(2, 6))
    counts = draw(st.lists(st.integers(folds, 20), min_size=1, max_size=5))
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(draw(st.integers(0, 99))).permutation(labels), folds, len(counts)


@given(labels_and_folds(), st.integers(0, 2**32 - 1))
def test_every_image_is_in_one_fold_and_every_class_in_each(
    drawn: tuple[Indices, int, int], seed: int
) -> None:
    labels, folds, classes = drawn
    seen: list[int] = []
    for fold in range(1, folds + 1):
        rest, held = fold_of(labels, folds, fold, classes, seed)
        assert sorted([*rest, *held]) == list(range(len(labels)))
        seen.extend(held.tolist())
        share = np.bincount(labels[held], minlength=classes) * folds
        assert np.all(np.abs(share - np.bincount(labels, minlength=classes)) < folds)
    assert sorted(seen) == list(range(len(labels)))


def test_folds_follow_from_their_seed() -> None:
    labels = np.arange(60) % 10
    first, same, other = (fold_of(labels, 6, 1, 10, seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_a_class_too_small_for_the_folds_is_named_with_the_fold_that_lacks_it() -> None:
    """Dealt in turn, the two images of class 1 go to the folds 1 and 2 of 3."""
    labels = np.array([0] * 9 + [1, 1])
    with pytest.raises(UnfitError, match=r"no image of class 1 in fold 3 of 3: .* has 2 in all"):
        fold_of(labels, 3, 3, 2, 0)


def test_a_class_that_only_the_held_out_part_has_is_refused() -> None:
    labels = np.array([0, 0, 0, 1])
    for fold in (1, 2):
        with pytest.raises(UnfitError, match=f"class 1 (in|outside) fold {fold} of 2"):
            fold_of(labels, 2, fold, 2, 0)


def test_a_class_without_any_image_is_refused() -> None:
    with pytest.raises(UnfitError, match="class 2 in fold 1 of 2: the class has 0 in all"):
        fold_of(np.array([0, 0, 1, 1]), 2, 1, 3, 0)


def test_a_hold_out_keeps_the_share_of_each_class() -> None:
    labels = np.array([0] * 80 + [1] * 20)
    kept, held = hold_out(labels, 0.25, 0)
    assert np.bincount(labels[kept]).tolist() == [60, 15]
    assert np.bincount(labels[held]).tolist() == [20, 5]


def test_a_class_of_one_image_cannot_be_split() -> None:
    with pytest.raises(UnfitError, match="class 1 has a single image"):
        hold_out(np.array([0, 0, 0, 1]), 0.5, 0)
