"""Intervals that hold what another sensor of the same device shows."""

import pytest

from effmeter.energy import Energy
from effmeter.energy.source import channel_energy
from effmeter.energy.widened import (
    disagree,
    estimate_factor,
    holding_both,
    with_estimate_factor,
)
from tests.runfile.writing import counter

ESTIMATE = counter("cpu-estimate", provenance="estimated", estimate_factor=2.0)


def test_sensors_disagree_beyond_the_errors_of_both() -> None:
    one = Energy(100.0, 95.0, 105.0, {"one": 5.0})
    assert not disagree(one, Energy(120.0, 115.0, 125.0, {"other": 6.0}))
    assert disagree(one, Energy(120.0, 115.0, 125.0, {"other": 4.0}))
    assert disagree(Energy(120.0, 115.0, 125.0), one)


def test_interval_holds_both_whichever_is_taken() -> None:
    one, other = Energy(2.0, 1.9, 2.1, {"one": 0.1}), Energy(200.0, 195.0, 205.0, {"other": 16.0})
    assert holding_both(one, other) == Energy(2.0, 1.9, 221.0, {"one": 0.1})
    held = holding_both(other, one)
    assert (held.value_j, held.low_j, held.high_j) == pytest.approx((200.0, 1.8, 205.0))


def test_estimate_may_be_off_by_more_than_it_was_beside_a_sensor() -> None:
    assert estimate_factor(10.0, 70.0) == pytest.approx(7 * 1.5)
    assert estimate_factor(70.0, 10.0) == pytest.approx(7 * 1.5)
    assert estimate_factor(0.0, 70.0) == estimate_factor(10.0, 0.0) == 1.0


def test_wider_factor_moves_the_interval_and_not_the_value() -> None:
    energy = channel_energy(ESTIMATE, 1.0, 60.0, 60.0, 60.0) + Energy(100.0, 99.0, 101.0)
    wider = with_estimate_factor(energy, 6.0)
    assert (wider.value_j, wider.low_j, wider.high_j) == pytest.approx((160.0, 109.0, 461.0))
    assert with_estimate_factor(energy, 1.5) == energy
