"""Means and ratios against numbers worked out by hand, and the laws that they keep."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.analysis.efficiency_framework.uncertainty import (
    Term,
    UncertainValue,
    weighted_mean,
    welch_dof,
)
from effmeter.analysis.t_distribution import t_quantile

T_ONE_DEGREE = 12.7062
values = st.floats(0.1, 10.0)


def term(value: float, size: int = 1, seed: int = 0, weight: float = 0.5, **more: Any) -> Term:
    return Term(weight, UncertainValue(value, **more), size, ("epochs", size), seed)


@pytest.mark.parametrize(
    ("dof", "expected"), [(1, 12.7062), (2, 4.3027), (5, 2.5706), (10, 2.2281), (120, 1.9799)]
)
def test_t_quantiles_are_those_of_the_tables(dof: int, expected: float) -> None:
    assert t_quantile(dof) == pytest.approx(expected, abs=5e-5)


def test_no_degree_of_freedom_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="at least one degree"):
        t_quantile(0)


def test_one_seed_tells_nothing_of_seeds() -> None:
    mean = weighted_mean([term(2.0, size=1), term(4.0, size=2)])
    assert mean.value == 3.0
    assert math.isnan(mean.seed_half_width)
    assert math.isnan(mean.low)
    assert mean.sources == ()


def test_two_seeds_give_the_t_interval_of_their_mean() -> None:
    mean = weighted_mean([term(1.0, seed=0), term(1.2, seed=1)])
    # s = 0.1414, standard error s / sqrt(2) = 0.1
    assert mean.seed_half_width == pytest.approx(T_ONE_DEGREE * 0.1, rel=1e-4)
    assert mean.sources == ("seeds",)


def test_seeds_of_several_sizes_vary_independently() -> None:
    terms = [term(1.0 + s + 0.2 * seed, s, seed, weight=0.25) for s in (1, 2) for seed in (0, 1)]
    mean = weighted_mean(terms)
    # each size has the standard error 0.1 and half the weight; 2 degrees of freedom in all
    assert mean.seed_half_width == pytest.approx(4.3027 * math.hypot(0.05, 0.05), rel=1e-4)


def test_criteria_cut_from_one_run_are_one_draw_of_its_seed() -> None:
    terms = [
        Term(0.25, UncertainValue(1.0 + 0.2 * seed), 1, (criterion, 1), seed)
        for criterion in ("epochs", "patience")
        for seed in (0, 1)
    ]
    assert weighted_mean(terms).seed_half_width == pytest.approx(T_ONE_DEGREE * 0.1, rel=1e-4)


def test_a_size_of_one_seed_leaves_the_spread_unknown() -> None:
    mean = weighted_mean([term(1.0, 1, 0), term(1.1, 1, 1), term(2.0, 2, 0)])
    assert math.isnan(mean.seed_half_width)


def test_bounds_of_energies_are_averaged_and_not_narrowed() -> None:
    several = [term(1.0, size, weight=0.25, energy_low=0.5, energy_high=2.0) for size in range(4)]
    mean = weighted_mean(several)
    assert (mean.low, mean.high) == (0.5, 2.0)
    assert mean.sources == ("energy",)


@pytest.mark.parametrize("sensors", [("a", "a"), ("a", "b")])
def test_gain_errors_add_up_and_stay_apart(sensors: tuple[str, str]) -> None:
    one, other = ({sensor: gain} for sensor, gain in zip(sensors, (0.05, 0.15), strict=True))
    mean = weighted_mean([term(1.0, 1, by_source=one), term(3.0, 2, by_source=other)])
    assert mean.systematic == pytest.approx(0.1)
    assert math.isnan(mean.high)


def test_energy_and_seeds_combine_as_independent() -> None:
    figure = UncertainValue(10.0, 7.0, 14.0, seed_variance=(4 / T_ONE_DEGREE) ** 2, seed_dof=1)
    assert figure.low == pytest.approx(10 - 5.0, rel=1e-4)
    assert figure.high == pytest.approx(10 + math.hypot(4, 4), rel=1e-4)
    assert figure.sources == ("energy", "seeds")


def test_what_is_not_negative_has_no_negative_end() -> None:
    assert UncertainValue(1.0, seed_variance=1.0, seed_dof=1).low == 0.0
    assert UncertainValue(-1.0, seed_variance=1.0, seed_dof=1).low < -1.0


def test_a_ratio_meets_the_ends_that_lie_furthest_apart() -> None:
    one, other = (
        UncertainValue(6.0, 4.0, 8.0),
        UncertainValue(3.0, 2.0, 4.0),
    )
    ratio = one / other
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 1.0, 4.0)
    assert math.isnan((one / UncertainValue(3.0)).energy_low)


def test_the_gain_error_of_one_sensor_cancels_in_a_ratio_and_those_of_two_add() -> None:
    one = UncertainValue(6.0, by_source={"gpu": 0.6, "cpu": 0.3})
    other = UncertainValue(3.0, by_source={"gpu": 0.3, "cpu on another host": 0.15})
    ratio = one / other
    assert ratio.by_source["gpu"] == pytest.approx(0)
    assert ratio.systematic == pytest.approx(2 * (0.05 + 0.05))
    assert math.isnan((one / UncertainValue(0.0)).systematic)


def test_relative_variances_of_a_ratio_add() -> None:
    one = UncertainValue(4.0, seed_variance=0.16, seed_dof=4)
    other = UncertainValue(2.0, seed_variance=0.04, seed_dof=4)
    ratio = one / other
    assert ratio.seed_variance == pytest.approx(4 * (0.01 + 0.01))
    assert ratio.seed_dof == 8


@given(st.lists(st.tuples(st.floats(1e-6, 1e6), st.integers(1, 50)), min_size=1, max_size=9))
def test_a_sum_has_at_least_the_least_freedom_and_at_most_all(
    variances: list[tuple[float, int]],
) -> None:
    dofs = [dof for _, dof in variances]
    assert min(dofs) <= welch_dof(variances) <= sum(dofs)


@given(st.lists(values, min_size=2, max_size=6), values)
def test_a_mean_scales_with_its_values(seeds: list[float], factor: float) -> None:
    weight = 1 / len(seeds)
    plain = weighted_mean([term(v, seed=i, weight=weight) for i, v in enumerate(seeds)])
    scaled = weighted_mean([term(v * factor, seed=i, weight=weight) for i, v in enumerate(seeds)])
    assert scaled.value == pytest.approx(plain.value * factor)
    assert scaled.seed_half_width == pytest.approx(plain.seed_half_width * factor, abs=1e-9)
    assert plain.low <= plain.value <= plain.high
