"""A gain error that is not stated is unknown wherever it stays, and cancels as a known one does."""

import math

import pytest

from effmeter.channel import Channel, Component
from effmeter.energy import Energy, total
from effmeter.energy.message import energy_message, energy_of_message
from effmeter.energy.source import energy_by_source
from effmeter.energy.widened import disagree
from effmeter.report.formatting import energy_systematic
from tests.runfile.writing import gauge


def energy(value_j: float, channel: Channel) -> Energy:
    return energy_by_source(channel, 1.0, value_j, value_j - 1, value_j + 1)


UNKNOWN = gauge("wall", Component.WALL, is_gain_unknown=True)
KNOWN = gauge("gpu0", gain_error_fraction=0.05)


def test_an_unknown_gain_error_is_not_zero() -> None:
    one = energy(100.0, UNKNOWN)
    assert math.isnan(one.systematic_j)
    assert math.isnan((one + energy(50.0, KNOWN)).systematic_j)
    assert math.isnan((2 * one - energy(50.0, UNKNOWN)).systematic_j)
    assert energy_systematic(one) == "not known"


def test_it_cancels_in_a_difference_of_equal_energies_and_in_a_ratio() -> None:
    one, other = energy(100.0, UNKNOWN), energy(40.0, UNKNOWN)
    assert (one - energy(100.0, UNKNOWN)).systematic_j == 0.0
    assert (one / other).systematic == 0.0
    assert math.isnan((one / energy(40.0, KNOWN)).systematic)


def test_it_stays_unknown_in_sums_and_over_the_wire() -> None:
    summed = total([energy(100.0, UNKNOWN), energy(10.0, UNKNOWN)], independent=True)
    assert summed is not None
    assert math.isnan(summed.systematic_j)
    assert math.isnan(energy_of_message(energy_message(summed)).systematic_j)


def test_a_meter_of_unknown_accuracy_contradicts_none() -> None:
    assert not disagree(energy(100.0, UNKNOWN), energy(10.0, KNOWN))
    assert disagree(energy(100.0, KNOWN), energy(10.0, KNOWN))


def test_a_known_error_is_as_it_was() -> None:
    assert energy(100.0, KNOWN).systematic_j == pytest.approx(5.0)
