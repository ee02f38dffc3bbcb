"""Totals add bounds; energies of separate recordings may combine by variance."""

import random

import pytest

from effmeter.energy import Energy, total
from effmeter.energy.source import channel_energy
from tests.runfile.writing import counter, gauge

GPU = counter("gpu0", gain_error_fraction=0.05)
CPU = gauge("cpu", provenance="estimated", estimate_factor=2.0)


def test_nothing_is_not_zero() -> None:
    assert total([]) is None
    assert total([], independent=True) is None


def test_bounds_and_gains_add() -> None:
    assert total([Energy(1, 0.5, 2, {"gpu0": 0.1})] * 2) == Energy(2, 1, 4, {"gpu0": 0.2})


def test_independent_windows_combine_by_the_root_of_their_squares() -> None:
    one, other = (channel_energy(GPU, 1.0, 100.0, 100.0 - e, 100.0 + e) for e in (3.0, 4.0))
    summed = total([one, other], independent=True)
    assert summed is not None
    assert (summed.value_j, summed.low_j, summed.high_j) == (200.0, 195.0, 205.0)
    assert summed.systematic_j == 10.0
    less = total([one, -other], independent=True)
    assert less is not None
    assert (less.value_j, less.low_j, less.high_j) == (0.0, -5.0, 5.0)
    assert less.systematic_j == 0.0


def test_independent_windows_of_one_estimate_share_its_factor() -> None:
    one, other = (channel_energy(CPU, 1.0, j, j - e, j + e) for j, e in ((100.0, 3.0), (60.0, 4.0)))
    summed = total([one, other], independent=True)
    assert summed is not None
    assert (summed.value_j, summed.low_j, summed.high_j) == (160.0, 155.0 / 2, 165.0 * 2)
    less = total([one, -other], independent=True)
    assert less is not None
    assert (less.value_j, less.low_j, less.high_j) == (40.0, 35.0 / 2, 45.0 * 2)


def test_one_energy_alone_is_its_own_independent_total() -> None:
    measured = channel_energy(GPU, 1.0, 100.0, 90.0, 120.0)
    energy = measured + channel_energy(CPU, 1.0, 50.0, 40.0, 70.0)
    summed = total([energy], independent=True)
    assert summed is not None
    assert (summed.low_j, summed.high_j) == pytest.approx((energy.low_j, energy.high_j))


def test_the_truth_of_independent_windows_is_held_in_95_of_100_cases() -> None:
    rng = random.Random(0)
    half_widths_j = (1.0, 2.0, 2.0, 3.0)
    held, trials = 0, 4000
    for _ in range(trials):
        errors_j = [rng.gauss(0.0, half / 1.96) for half in half_widths_j]
        shown = [Energy(e, e - h, e + h) for e, h in zip(errors_j, half_widths_j, strict=True)]
        summed = total(shown, independent=True)
        assert summed is not None
        held += summed.low_j <= 0.0 <= summed.high_j
    assert held / trials == pytest.approx(0.95, abs=0.015)
