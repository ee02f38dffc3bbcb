"""Intervals that hold what another sensor of the same device shows."""

import pytest

from effmeter.energy import Energy
from effmeter.energy.widened import disagree, holding_both


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
