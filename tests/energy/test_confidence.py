"""The half-width of the sum of two errors holds it in 95 % of cases."""

import math

import numpy as np
import pytest

from effmeter.energy.confidence import CONFIDENCE, covering_j, coverings_j


def held_fraction(one_j: float, other_j: float, half_width_j: float) -> float:
    """How much of the sum of two uniform errors lies within a half-width, by integration."""
    errors_j = (np.arange(200_000) + 0.5) / 200_000 * one_j - one_j / 2
    low_j = np.clip(-half_width_j - errors_j, -other_j / 2, other_j / 2)
    high_j = np.clip(half_width_j - errors_j, -other_j / 2, other_j / 2)
    return float(((high_j - low_j) / other_j).mean())


@pytest.mark.parametrize("narrow_j", [1e-6, 0.01, 0.05, 0.051, 0.2, 0.7, 1.0])
def test_it_holds_the_sum_as_often_as_an_interval_is_to_hold_the_truth(narrow_j: float) -> None:
    assert held_fraction(narrow_j, 1.0, covering_j(narrow_j, 1.0)) == pytest.approx(
        CONFIDENCE, abs=1e-4
    )


def test_the_order_of_the_errors_does_not_matter_and_the_unit_does_not_either() -> None:
    assert covering_j(0.3, 2.0) == covering_j(2.0, 0.3)
    assert covering_j(300.0, 2000.0) == pytest.approx(1000 * covering_j(0.3, 2.0))


def test_without_errors_there_is_no_width_and_with_an_unbounded_one_no_bound() -> None:
    assert covering_j(0.0, 0.0) == 0.0
    assert covering_j(0.0, math.inf) == math.inf
    assert covering_j(math.inf, math.inf) == math.inf


def test_many_pairs_are_as_each_of_them() -> None:
    ones, others = (np.array(side) for side in ([0.0, 1.0, 0.01, 2.0, 3.0], [0, 0.3, 1, 2, np.inf]))
    expected = [covering_j(*pair) for pair in zip(ones, others, strict=True)]
    assert coverings_j(ones, others).tolist() == pytest.approx(expected)
