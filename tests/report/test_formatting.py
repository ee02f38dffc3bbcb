"""Figures show as many digits as their interval is worth."""

import json
import math

import pytest

from effmeter.energy import Energy
from effmeter.report.formatting import (
    energy_figure,
    energy_interval,
    json_text,
    per_kilojoule,
    with_interval,
)


@pytest.mark.parametrize(
    ("energy", "figure", "interval"),
    [
        (Energy(1234.0, 1200.0, 1260.0), "1.234 kJ", "[1.200, 1.260]"),
        (Energy(1234.0, 900.0, 1700.0), "1.23 kJ", "[0.90, 1.70]"),
        (Energy(27.6, 9.9, 77.9), "27.6 J", "[9.9, 77.9]"),
        (Energy(1234.0, 1233.9, 1234.1), "1.23400 kJ", "[1.23390, 1.23410]"),
        (Energy(2e6, 2e6, 2e6), "2.00 MJ", "[2.00, 2.00]"),
        (Energy(0.0, 0.0, 5.0), "0.00 J", "[0.00, 5.00]"),
        (Energy(999.96, 900.0, 1100.0), "1.00 kJ", "[0.90, 1.10]"),
    ],
)
def test_energy_and_interval_share_unit_and_digits(
    energy: Energy, figure: str, interval: str
) -> None:
    assert energy_figure(energy) == figure
    assert energy_interval(energy) == interval


def test_efficiency_is_shown_per_kilojoule() -> None:
    assert per_kilojoule(0.00225, 0.0022, 0.0023) == ("2.250", "[2.200, 2.300]")


def test_efficiency_without_an_upper_end_says_so() -> None:
    assert per_kilojoule(0.9, 0.45, math.inf) == ("900", "[450, ∞)")


def test_a_value_that_is_nothing_beside_its_interval_is_written_in_the_intervals_unit() -> None:
    energy = Energy(-1.7e-5, -231.9, 231.8)
    assert (energy_figure(energy), energy_interval(energy)) == ("0.0 J", "[-231.9, 231.8]")


def test_a_value_that_nobody_knows_is_said_to_be_so() -> None:
    assert with_interval(math.nan, math.nan, math.nan) == ("not known", "not known")


def test_a_value_far_below_its_interval_is_written_in_the_intervals_digits() -> None:
    assert with_interval(3.7e-17, -0.0069, 0.0069) == ("0.000000", "[-0.006900, 0.006900]")


def test_json_holds_null_for_a_number_that_is_not_finite() -> None:
    value = {"loss": math.nan, "ends": (-math.inf, 1.5), "within": {"name": None}}
    text = json_text(value)
    assert json.loads(text) == {"loss": None, "ends": [None, 1.5], "within": {"name": None}}
    assert len(text.splitlines()) > 1
    assert len(json_text(value, indent=None).splitlines()) == 1
