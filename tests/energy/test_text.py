"""Energies in words: the digits that their intervals are worth, in a unit that fits."""

import math

import pytest

from effmeter.energy.text import NOT_KNOWN, decimals_of, energy_words, half_width_words, number


@pytest.mark.parametrize(
    ("energy_j", "words"),
    [
        ((1234.0, 1204.0, 1264.0), ("1.234 kJ", "[1.204, 1.264]")),
        ((1234.0, 934.0, 1534.0), ("1.23 kJ", "[0.93, 1.53]")),
        ((123.4, 23.4, 223.4), ("123 J", "[23, 223]")),
        ((0.0123, 0.0120, 0.0126), ("12.30 mJ", "[12.00, 12.60]")),
        ((5e9, 5e9, 5e9), ("5.00 GJ", "[5.00, 5.00]")),
        ((999.9, 999.9, 999.9), ("1.00 kJ", "[1.00, 1.00]")),
        ((-1234.0, -1534.0, -934.0), ("-1.23 kJ", "[-1.53, -0.93]")),
        ((0.0, -2000.0, 3000.0), ("0.00 kJ", "[-2.00, 3.00]")),
    ],
)
def test_an_energy_has_the_unit_of_its_value_and_the_digits_of_its_interval(
    energy_j: tuple[float, float, float], words: tuple[str, str]
) -> None:
    assert energy_words(*energy_j) == words


@pytest.mark.parametrize("bounds_j", [(math.nan, math.nan), (math.nan, 3.0)])
def test_an_interval_that_is_not_stated_says_so(bounds_j: tuple[float, float]) -> None:
    assert energy_words(1234.0, *bounds_j) == ("1.23 kJ", NOT_KNOWN)


def test_an_unbounded_interval_costs_the_value_neither_its_unit_nor_its_digits() -> None:
    assert energy_words(1234.0, 0.0, math.inf) == ("1.23 kJ", "[0.00, ∞)")
    assert energy_words(0.0, -2000.0, math.inf) == ("0.00 kJ", "[-2.00, ∞)")
    assert half_width_words(math.inf, 1234.0, 0.0, math.inf) == "± ∞"


def test_a_half_width_has_the_unit_and_the_digits_of_its_energy() -> None:
    assert half_width_words(30.0, 1234.0, 1204.0, 1264.0) == "± 0.030"


def test_a_narrow_interval_gives_digits_up_to_the_sixth() -> None:
    assert decimals_of(1.0, 0.0) == 2
    assert decimals_of(1.0, 0.001) == 4
    assert decimals_of(1.0, 1e-12) == 5
    assert decimals_of(1000.0, 0.0) == 0


def test_no_zero_has_a_sign() -> None:
    assert number(-0.001, 2) == "0.00"
