"""Means over seeds, paired differences, and what they are compared with."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.lab.studies.over_seeds import (
    difference,
    difference_to_stopped,
    energy_ratio,
    executed_flops,
    flops_ratio,
    mean_energy,
    mean_over_seeds,
    nominal_flops,
    time_ratio,
)
from effmeter.lab.studies.repeats import Repeats, repeats_of
from effmeter.lab.studies.variant import Variant
from effmeter.lab.workloads import Recipe
from effmeter.recorded.reading import read_run
from tests.lab.studies.method_runs import COMMON, Given, written

DENSE = Variant(Recipe("cnn2", options=(("shifts", 0),), method="dense"), 4)


def repeats(given: dict[int, Given], folder: Path, variant: Variant = DENSE) -> Repeats:
    """The runs of a variant by seed."""
    outcomes = [written(variant.cell(seed, COMMON), shown, folder) for seed, shown in given.items()]
    pairs = [(o, None if o.path is None else read_run(o.path)) for o in outcomes]
    return repeats_of(variant, pairs)


def test_the_interval_is_students() -> None:
    found = mean_over_seeds([1.0, 2.0, 3.0])
    assert found is not None
    half_width = 4.302652729911275 / math.sqrt(3)
    assert found.value == 2.0
    assert (found.low, found.high) == pytest.approx((2.0 - half_width, 2.0 + half_width))
    assert found.excludes_zero is False


def test_one_seed_tells_nothing_of_the_spread() -> None:
    found = mean_over_seeds([1.0])
    assert found is not None
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert not found.excludes_zero
    assert mean_over_seeds([]) is None


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=8, unique=True), st.integers(-9, 9))
def test_the_interval_moves_with_the_values(values: list[float], shift: float) -> None:
    one, moved = mean_over_seeds(values), mean_over_seeds([value + shift for value in values])
    assert one is not None
    assert moved is not None
    assert moved.low - one.low == pytest.approx(shift, abs=1e-6)
    assert moved.high - one.high == pytest.approx(shift, abs=1e-6)


def test_seeds_that_all_give_the_same_tell_nothing_of_the_spread() -> None:
    found = mean_over_seeds([0.1, 0.3 - 0.2, 0.1])
    assert found is not None
    assert found.value == pytest.approx(0.1)
    assert math.isnan(found.low)
    assert not found.excludes_zero


def test_an_interval_ends_where_the_figure_does() -> None:
    found = mean_over_seeds([0.9, 1.0], least=0.0, most=1.0)
    assert found is not None
    assert found.low == pytest.approx(0.95 - 12.7062 * 0.05, abs=1e-4)
    assert found.high == 1.0


def test_differences_are_paired_over_the_seeds_that_both_have(tmp_path: Path) -> None:
    dense = repeats({0: Given(0.8), 1: Given(0.9), 2: Given(0.5)}, tmp_path)
    other = repeats({0: Given(0.9), 1: Given(1.02)}, tmp_path, DENSE.using("ssprop:drop=0.8"))
    found = difference(other, dense)
    assert found is not None
    assert found.seeds == 2
    half_width = 12.706204736174694 * 0.02 / 2
    assert found.value == pytest.approx(0.11)
    assert (found.low, found.high) == pytest.approx((0.11 - half_width, 0.11 + half_width))


def test_the_dense_run_is_stopped_at_the_methods_time(tmp_path: Path) -> None:
    dense = repeats({0: Given(0.9, epoch_s=2.0), 1: Given(0.9, epoch_s=2.0)}, tmp_path)
    fast = repeats({0: Given(0.9), 1: Given(0.9)}, tmp_path, DENSE.using("ssprop:drop=0.8"))
    found = difference_to_stopped(fast, dense)
    assert found is not None
    assert found.value == pytest.approx(0.2)  # four seconds are two of its epochs
    instant = repeats({0: Given(epoch_s=0.1)}, tmp_path, DENSE.using("ssprop:drop=0.9"))
    assert difference_to_stopped(instant, dense) is None


def test_costs_are_ratios_of_runs_of_one_seed(tmp_path: Path) -> None:
    dense = repeats({0: Given(epoch_s=2.0), 1: Given(epoch_s=4.0)}, tmp_path)
    shown = {0: Given(epoch_s=1.0, kept=(1.0, 0.5)), 1: Given(epoch_s=2.0, kept=(1.0, 0.5))}
    half = repeats(shown, tmp_path, DENSE.using("ssprop:drop=0.8"))
    time, energy = time_ratio(half, dense), energy_ratio(half, dense)
    assert time is not None
    assert energy is not None
    assert time.value == pytest.approx(0.5)
    assert energy.value == pytest.approx(0.5, rel=1e-3)
    assert flops_ratio(half, dense) == pytest.approx((1 + 3 * 0.5) / 4)
    assert executed_flops(half) == pytest.approx(2.5 * 2e9)
    assert nominal_flops(half) == pytest.approx(1.1 * 2.5 * 2e9)


def test_the_mean_energy_keeps_what_the_sensors_leave_open(tmp_path: Path) -> None:
    found = mean_energy(repeats({0: Given(watts=10.0), 1: Given(watts=20.0)}, tmp_path))
    assert found is not None
    figure, seeds = found
    assert seeds == 2
    assert figure.value == pytest.approx(60.0, rel=1e-3)
    assert figure.sources == ("energy", "seeds")
    assert figure.low < 60.0 < figure.high


def test_a_run_that_did_not_complete_is_told_and_not_averaged(tmp_path: Path) -> None:
    found = repeats({0: Given(), 1: Given(status="diverged: the loss is nan")}, tmp_path)
    assert list(found.by_seed) == [0]
    assert found.failures == ("diverged: the loss is nan",)


def test_a_method_that_skipped_nothing_is_inactive(tmp_path: Path) -> None:
    shown = {0: Given(active=0.0), 1: Given(active=0.0)}
    assert repeats(shown, tmp_path).is_inactive
    assert not repeats({**shown, 2: Given(active=1.0)}, tmp_path).is_inactive


def test_epochs_in_full_at_the_end_are_counted(tmp_path: Path) -> None:
    (switched,) = repeats({0: Given(kept=(0.8, 0.8, 1.0))}, tmp_path).by_seed.values()
    assert switched.full_epochs_at_end == 2
