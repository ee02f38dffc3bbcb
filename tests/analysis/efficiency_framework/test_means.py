"""Eq 3 and Eq 4 over made-up observations, and what they say of those that are missing."""

import pytest

from effmeter.analysis.efficiency_framework.means import criterion_means, size_means
from effmeter.analysis.efficiency_framework.ratios import EQ_4, Verdict
from effmeter.analysis.efficiency_framework.result import build_framework, means
from tests.analysis.efficiency_framework.observations import (
    observation,
    observations,
    trial,
    unobserved,
)


def test_eq_3_weighs_each_size_alike_whatever_its_seeds() -> None:
    seen = [
        observation(trial(size=1, seed=0), metric_value=1.0, energy_j=10),
        observation(trial(size=1, seed=1), metric_value=1.0, energy_j=10 / 3),
        observation(trial(size=2, seed=0), metric_value=1.0, energy_j=1.0),
    ]
    (mean,) = size_means(observations(*seen))
    assert mean.efficiency_per_j is not None
    assert mean.efficiency_per_j.value == pytest.approx((0.2 + 1.0) / 2)
    assert [cell.size for cell in mean.groups] == [1, 2]
    assert mean.without == ()


def test_eq_4_weighs_each_criterion_alike() -> None:
    seen = [
        observation(trial(size=size), criterion, metric_value=1.0, energy_j=energy_j)
        for criterion, energy_j, sizes in (("epochs", 1.0, (1, 2, 3)), ("patience", 0.2, (1,)))
        for size in sizes
    ]
    (mean,) = criterion_means(size_means(observations(*seen)))
    assert mean.criteria == ("epochs", "patience")
    assert mean.efficiency_per_j is not None
    assert mean.efficiency_per_j.value == pytest.approx((1 + 5) / 2)


def test_a_size_that_never_met_the_criterion_is_named_and_not_filled_in() -> None:
    seen = observations(
        observation(trial(size=2)), unobserved(trial(size=1)), unobserved(trial(size=3, seed=4))
    )
    (mean,) = size_means(seen)
    assert mean.without == ("size 1", "size 3")
    assert mean.efficiency_per_j is not None
    assert mean.efficiency_per_j.value == pytest.approx(0.009)


def test_a_seed_that_never_met_it_is_named() -> None:
    seen = observations(observation(trial(seed=0)), unobserved(trial(seed=1)))
    (mean,) = size_means(seen)
    assert mean.without == ("size 1 seed 1",)


def test_a_criterion_that_nothing_met_has_no_mean() -> None:
    seen = observations(observation(trial()), unobserved(trial(), "accuracy"))
    result = means(seen)
    by_epochs, by_accuracy = result.sizes
    assert by_epochs.efficiency_per_j is not None
    assert by_accuracy.efficiency_per_j is None
    (eq_4,) = result.criteria
    assert eq_4.criteria == ("epochs",)
    assert eq_4.without == ("accuracy: size 1",)


def test_nothing_observed_at_all_is_a_result_without_means() -> None:
    result = build_framework(observations(unobserved(trial())))
    assert [mean.efficiency_per_j for mean in result.all.sizes] == [None]
    assert result.all.rankings == ()


def test_architectures_are_ranked_with_what_their_intervals_let_be_told() -> None:
    seen = [
        observation(trial(name, size=size), energy_j=energy_j, interval_j=interval_j)
        for name, energy_j, interval_j in (
            ("slow", 100.0, (95.0, 105.0)),
            ("fast", 20.0, (10.0, 40.0)),
            ("near", 25.0, (12.0, 50.0)),
        )
        for size in (1, 2)
    ]
    (ranking,) = means(observations(*seen)).rankings
    assert ranking.order == ("fast", "near", "slow")
    assert [s.verdict for s in ranking.steps] == [
        Verdict.NOT_DISTINGUISHABLE,
        Verdict.DISTINGUISHABLE,
    ]
    assert ranking.steps[1].ratio.value == pytest.approx(4.0)


def test_seeds_may_tell_apart_what_a_sensor_alone_does_not() -> None:
    seen = [
        observation(
            trial(name, seed=seed), energy_j=e * (1 + seed / 100), interval_j=(e / 3, e * 3)
        )
        for name, e in (("fast", 10.0), ("slow", 20.0))
        for seed in (0, 1, 2)
    ]
    (ratio,) = means(observations(*seen)).architecture_ratios
    assert (ratio.one, ratio.other, ratio.within) == ("fast", "slow", "digits")
    assert ratio.verdict is Verdict.IF_SENSORS_ERR_ALIKE


def test_without_any_interval_no_order_is_sure() -> None:
    seen = [observation(trial("a")), observation(trial("b"), energy_j=50.0)]
    (ratio,) = means(observations(*seen)).architecture_ratios
    assert (ratio.one, ratio.verdict) == ("b", Verdict.UNKNOWN)


def test_data_sets_are_compared_for_each_architecture() -> None:
    seen = [
        observation(trial("a", dataset=dataset), criterion, energy_j=energy_j)
        for dataset, energy_j in (("mnist", 10.0), ("cifar-10", 40.0))
        for criterion in ("epochs", "patience")
    ]
    result = means(observations(*seen))
    told = [(r.one, r.other, r.within, r.criterion) for r in result.dataset_ratios]
    assert told == [
        ("mnist", "cifar-10", "a", "epochs"),
        ("mnist", "cifar-10", "a", "patience"),
        ("mnist", "cifar-10", "a", EQ_4),
    ]
    assert [r.ratio.value for r in result.dataset_ratios] == pytest.approx([4.0] * 3)
    assert result.architecture_ratios == ()


def test_a_ratio_of_means_over_different_sizes_says_so() -> None:
    seen = [observation(trial(name, size=2), energy_j=10) for name in "ab"]
    result = means(observations(*seen, unobserved(trial("a", size=1))))
    (ratio,) = result.architecture_ratios
    assert ratio.without == ("a without size 1",)
