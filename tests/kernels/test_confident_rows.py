"""Judging rows and listing those to keep, on the processor, against the reference."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.kernels import reference
from effmeter.kernels.cpu.confident_rows import confidence
from effmeter.kernels.reference import Array
from tests.kernels.layouts import drawn


def judged(scores: Array, targets: Array, *settings: float, draws: Array | None = None) -> None:
    """The kernel finds what the reference finds."""
    threshold, only_right, probability = settings
    draws = np.zeros(len(scores), np.float32) if draws is None else draws
    found = confidence(scores, targets, threshold, bool(only_right), draws, probability)
    expected = reference.confidence(
        scores, targets, threshold, bool(only_right), draws, probability
    )
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[2], expected[2])


@given(
    rows=st.sampled_from([0, 1, 3, 17, 123, 200, 1500]),
    classes=st.sampled_from([1, 2, 10, 123]),
    only_right=st.booleans(),
    probability=st.sampled_from([0.0, 0.5, 1.0, math.nan]),
    seed=st.integers(0, 99),
)
def test_rows_are_judged_and_kept_as_the_reference_does(
    rows: int, classes: int, only_right: bool, probability: float, seed: int
) -> None:
    scores = 3 * drawn(seed, rows, classes)
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, classes, rows)
    targets[::2] = scores[::2].argmax(1)
    draws = generator.random(rows, np.float32)
    judged(scores, targets, 0.55, only_right, probability, draws=draws)


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_a_row_that_is_not_known_is_kept_and_not_right(special: float) -> None:
    scores = drawn(1, 5, 4)
    scores[2, 0] = special
    softmax, right, kept = confidence(
        scores, scores.argmax(1), 0.0, False, np.zeros(5, np.float32), 1.0
    )
    assert np.isnan(softmax).tolist() == [False, False, True, False, False]
    assert not right[2]
    assert kept.tolist() == [2]


def test_a_class_that_is_ruled_out_takes_no_part() -> None:
    judged(np.array([[-np.inf, 2.0, 1.0], [-np.inf] * 3], np.float32), np.array([1, 0]), 0.5, 1, 1)


def test_scores_far_apart_and_large_ones_keep_their_softmax() -> None:
    scores = np.array([[1e30, -1e30, 0.0], [500.0, 499.0, -500.0]], np.float32)
    judged(scores, np.array([0, 1]), 0.7, 0, 1)


def test_of_equal_scores_the_first_class_counts() -> None:
    judged(np.ones((4, 3), np.float32), np.array([0, 1, 2, 0]), 0.1, 1, 1)
