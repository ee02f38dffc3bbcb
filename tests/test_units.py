"""Quantities as people type and read them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.errors import UsageError
from effmeter.units import (
    format_bytes,
    format_duration,
    format_energy,
    format_power,
    parse_duration_s,
    parse_energy_j,
)


@pytest.mark.parametrize(
    ("text", "energy_j"),
    [("2kJ", 2e3), ("100 kJ", 1e5), ("0.5 kWh", 1.8e6), ("1e3J", 1e3), (" 5 mJ ", 5e-3)],
)
def test_energy_is_read_with_its_unit(text: str, energy_j: float) -> None:
    assert parse_energy_j(text) == pytest.approx(energy_j)


@pytest.mark.parametrize("text", ["2", "2 k", "kJ", "", "-2kJ", "2 kW", "2kJ 3kJ", "nanJ", "infJ"])
def test_energy_without_a_unit_or_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write a number with a unit, such as 2kJ"):
        parse_energy_j(text)


@pytest.mark.parametrize("text", ["0 J", "1e999 kJ"])
def test_energy_that_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not an energy above zero"):
        parse_energy_j(text)


@pytest.mark.parametrize(
    ("text", "duration_s"), [("90s", 90.0), ("5 min", 300.0), ("2h", 7200.0), ("250 ms", 0.25)]
)
def test_duration_is_read_with_its_unit(text: str, duration_s: float) -> None:
    assert parse_duration_s(text) == pytest.approx(duration_s)


@pytest.mark.parametrize("text", ["90", "min", "0 s", "5 parsec"])
def test_duration_without_a_unit_or_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="duration"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("energy_j", "text"),
    [
        (0.0, "0 J"),
        (0.0123, "12.3 mJ"),
        (1.0, "1.00 J"),
        (999.96, "1.00 kJ"),
        (1234.0, "1.23 kJ"),
        (100e3, "100 kJ"),
        (5.5e6, "5.50 MJ"),
    ],
)
def test_energy_is_shown_in_three_digits(energy_j: float, text: str) -> None:
    assert format_energy(energy_j) == text


@given(st.floats(1e-2, 1e10))
def test_shown_energy_is_the_energy_to_three_digits(energy_j: float) -> None:
    number, unit = format_energy(energy_j).split()
    factor = {"mJ": 1e-3, "J": 1.0, "kJ": 1e3, "MJ": 1e6, "GJ": 1e9}[unit]
    assert math.isclose(float(number) * factor, energy_j, rel_tol=0.0051)


def test_power_is_shown_in_watts() -> None:
    assert format_power(215.4) == "215 W"


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0.85, "850 ms"),
        (12.34, "12.3 s"),
        (59.97, "1 min 00 s"),
        (245.0, "4 min 05 s"),
        (3660.0, "1 h 01 min"),
    ],
)
def test_duration_is_shown_as_people_say_it(duration_s: float, text: str) -> None:
    assert format_duration(duration_s) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1000, "1000 bytes"),
        (1536, "1.50 KiB"),
        (2**20, "1.00 MiB"),
        (999 * 2**20, "999 MiB"),
        (12.34 * 2**30, "12.3 GiB"),
        (1000 * 2**30, "1000 GiB"),
    ],
)
def test_memory_is_shown_in_three_digits(count: float, text: str) -> None:
    assert format_bytes(count) == text
