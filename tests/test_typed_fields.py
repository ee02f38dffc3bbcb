"""Fields out of mappings from strangers: each has its type, or the error names it."""

import math
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.typed_fields import (
    MAX_DEPTH,
    Check,
    fields_in,
    flag,
    label,
    mapping_of,
    mapping_with,
    member,
    number,
    optional,
    plain,
    stated_fields,
    text,
    tuple_of,
    whole,
)


class Colour(StrEnum):
    RED = "red"


CHECKS: dict[str, Check] = {
    "text": text,
    "flag": flag,
    "whole": whole(0, 9),
    "number": number(0, above=0),
    "colour": member(Colour),
    "optional": optional(text),
    "list": tuple_of(whole()),
    "object": mapping_of(label),
    "host": mapping_with(name=text),
    "plain": plain,
}
GIVEN = {
    "text": "a",
    "flag": False,
    "whole": 9,
    "number": 2,
    "colour": "red",
    "optional": None,
    "list": [1, 2],
    "object": {"a": 1.5},
    "host": {"name": "n", "more": [1]},
    "plain": {"a": [None, True]},
}


def test_fields_have_their_types() -> None:
    found = fields_in(GIVEN, CHECKS)
    assert found == {**GIVEN, "list": (1, 2)}
    assert type(found["number"]) is float
    assert found["colour"] is Colour.RED


def test_fields_that_are_not_known_are_passed_over_and_none_is_demanded() -> None:
    assert fields_in({"text": "a", "later": object()}, CHECKS) == {"text": "a"}


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("text", 5, "text is no text"),
        ("flag", 1, "flag is no truth value"),
        ("whole", True, "whole is no whole number"),
        ("whole", 1.0, "whole is no whole number"),
        ("whole", 10, "whole is out of range"),
        ("number", "1", "number is no number"),
        ("number", True, "number is no number"),
        ("number", 0, "number is out of range"),
        ("number", math.nan, "number is out of range"),
        ("number", 10**400, "number is out of range"),
        ("colour", "x" * 99, f"colour is '{'x' * 40}', none of red"),
        ("colour", [], "colour is list, none of red"),
        ("optional", 5, "optional is no text"),
        ("list", {}, "list is no list"),
        ("list", [1, "x"], r"list \[1\] is no whole number"),
        ("object", [], "object is no object"),
        ("object", {"a": None}, r"object \['a'\] is no text, number or truth value"),
        ("object", {"a": 10**30}, r"object \['a'\] is a number beyond 64 bits"),
        ("host", {"name": []}, "host name is no text"),
        ("plain", {"a": [-(10**400)]}, "plain is a number beyond 64 bits"),
    ],
)
def test_an_error_names_the_field(name: str, value: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        fields_in({name: value}, CHECKS)
    assert stated_fields({name: value, "text" if name != "text" else "flag": "a"}, CHECKS) == (
        {} if name == "text" else {"text": "a"}
    )


@pytest.mark.parametrize("found", [None, [], "text", 5])
def test_what_is_no_object_has_no_fields(found: object) -> None:
    with pytest.raises(ValueError, match="it is no object"):
        fields_in(found, CHECKS)
    assert stated_fields(found, CHECKS) == {}


def test_depth_is_bounded() -> None:
    nested: Any = "x"
    for _ in range(MAX_DEPTH):
        nested = [nested]
    assert plain(nested) == nested
    with pytest.raises(ValueError, match="nested more than"):
        plain([nested])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(found=st.dictionaries(st.sampled_from(sorted(CHECKS)), JSON))
def test_any_json_gives_fields_or_a_value_error(found: dict[str, Any]) -> None:
    try:
        assert fields_in(found, CHECKS).keys() == found.keys()
    except ValueError:
        assert stated_fields(found, CHECKS).keys() < found.keys()
