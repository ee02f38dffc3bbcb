"""The text of a criterion in its parts."""

import pytest

from effmeter.errors import UsageError
from effmeter.stopping.options import (
    is_on,
    mode_suffix,
    required_mode,
    split_mode,
    split_options,
    split_text,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("epochs=50", ("epochs", "50")),
        (" energy = 2 kJ ", ("energy", "2 kJ")),
        ("patience=3,armed_at=0.9", ("patience", "3,armed_at=0.9")),
        ("epochs", ("epochs", "")),
        ("=50", ("", "50")),
    ],
)
def test_a_text_is_parted_at_its_first_equals_sign(text: str, parts: tuple[str, str]) -> None:
    assert split_text(text) == parts


def test_options_stand_after_commas_with_or_without_a_value() -> None:
    names = ("predict", "armed_at")
    assert split_options("2 kJ , predict, armed_at = 0.9", names) == (
        "2 kJ",
        {"predict": "", "armed_at": "0.9"},
    )
    assert split_options("2 kJ", names) == ("2 kJ", {})


def test_an_option_that_is_not_known_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(UsageError, match="'predicts' is not an option here: write predict or x"):
        split_options("2kJ,predicts", ("predict", "x"))


def test_an_option_without_a_value_is_on_or_off_and_takes_none() -> None:
    assert is_on({"predict": ""}, "predict")
    assert not is_on({}, "predict")
    with pytest.raises(UsageError, match="the option predict takes no value, not 'yes'"):
        is_on({"predict": "yes"}, "predict")


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("30:max", ("30", "max")),
        ("loss:3 : min", ("loss:3", "min")),
        ("loss:3", ("loss:3", None)),
        ("30", ("30", None)),
    ],
)
def test_a_mode_stands_at_the_end(value: str, parts: tuple[str, str | None]) -> None:
    assert split_mode(value) == parts


def test_a_mode_is_needed_only_where_the_name_of_the_metric_has_none() -> None:
    assert required_mode("accuracy", None, "") == "max"
    assert required_mode("accuracy", "min", "") == "min"
    assert required_mode("reward", "max", "") == "max"
    with pytest.raises(UsageError, match=r"'reward' does not say .* as in reward=30:max"):
        required_mode("reward", None, "reward=30:max")


def test_a_mode_is_written_only_where_the_name_of_the_metric_does_not_imply_it() -> None:
    assert mode_suffix("accuracy", "max") == ""
    assert mode_suffix("accuracy", "min") == ":min"
    assert mode_suffix("reward", "max") == ":max"
