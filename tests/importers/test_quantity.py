"""Numbers and units, as meters write them."""

import pytest

from effmeter.channel import Kind
from effmeter.errors import UsageError
from effmeter.importers.quantity import is_no_value, is_unit, split_number, unit_named


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("79.10 W", (79.1, 2, "W")),
        ("79", (79.0, 0, "")),
        (" 1.25kWh ", (1.25, 2, "kWh")),
        ("5e3", (5000.0, -3, "")),
        ("-.5", (-0.5, 1, "")),
    ],
)
def test_a_number_has_its_decimals_and_its_unit(text: str, number: tuple[float, int, str]) -> None:
    assert split_number(text) == number


def test_a_comma_is_decimal_where_that_is_said() -> None:
    assert split_number("79,25", decimal_comma=True) == (79.25, 2, "")
    with pytest.raises(ValueError, match="--decimal-comma"):
        split_number("79,25")


@pytest.mark.parametrize("text", ["", "watts", "1e999", "nan", "inf", "1 2 3", "٣"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        split_number(text)


def test_units_have_a_kind_and_a_factor() -> None:
    found = {text: unit_named(text) for text in ("W", "kilowatts", "MW", "Wh", "kwh", "mJ")}
    assert {text: unit.factor for text, unit in found.items()} == pytest.approx(
        {"W": 1, "kilowatts": 1e3, "MW": 1e6, "Wh": 3600, "kwh": 3.6e6, "mJ": 1e-3}
    )
    assert (found["MW"].kind, found["mJ"].kind) == (Kind.GAUGE, Kind.COUNTER)


@pytest.mark.parametrize("text", ["mw", "mwh", "A", ""])
def test_a_unit_that_is_none_or_two_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no unit"):
        unit_named(text)


def test_texts_that_stand_for_no_value_are_known() -> None:
    assert all(map(is_no_value, ("", " N/A", "[Not Supported]", "NaN")))
    assert not any(map(is_no_value, ("0", "off")))
    assert [is_unit(text) for text in ("w", "kWh", "mw", "draw")] == [True, True, True, False]
