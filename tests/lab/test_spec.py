"""Texts that name settings."""

import pytest

from effmeter.errors import UsageError
from effmeter.lab.spec import name_and_options, name_and_value, whole_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1", [1]), ("1,2", [1, 2]), ("1-3", [1, 2, 3]), ("5,1-2,1", [5, 1, 2])],
)
def test_numbers_are_listed_or_given_as_ranges(text: str, numbers: list[int]) -> None:
    assert whole_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", ",", "1,", "a", "1.5", "1--3", " 1", "3-1"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"numbers|empty range"):
        whole_numbers(text)


def test_spaces_around_a_name_and_its_value_do_not_count() -> None:
    assert name_and_value(" width = 8 ") == ("width", "8")
    assert name_and_options("resnet18: width=8, dropout=0.4") == (
        "resnet18",
        {"width": "8", "dropout": "0.4"},
    )
    assert name_and_options("cnn2") == ("cnn2", {})


@pytest.mark.parametrize("text", ["", "width", "width=", "=8"])
def test_what_is_no_pair_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        name_and_value(text)


def test_an_option_without_a_value_names_the_form_of_that_model() -> None:
    with pytest.raises(UsageError, match="'width' is not of the form resnet18:option=value"):
        name_and_options("resnet18:width")
