"""The criteria that can be written as text."""

from dataclasses import fields, is_dataclass

import pytest

from effmeter.stopping import Criterion, criterion_examples, criterion_syntax, parse_criterion
from effmeter.stopping.registry import CRITERIA


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_example_of_a_criterion_is_one_of_its_texts(criterion: type[Criterion]) -> None:
    parsed = parse_criterion(criterion.example)
    assert isinstance(parsed, criterion)
    assert parse_criterion(parsed.describe()) == parsed


@pytest.mark.parametrize("criterion", CRITERIA)
def test_help_shows_every_criterion(criterion: type[Criterion]) -> None:
    assert criterion.example in criterion_examples()
    assert criterion.syntax in criterion_syntax()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_option_of_a_criterion_can_be_written_as_text(criterion: type[Criterion]) -> None:
    assert is_dataclass(criterion)
    optional = {"predict", "accept_missing", "min_delta", "armed_at"}
    for field in fields(criterion):
        assert field.name not in optional or field.name in criterion.syntax


def test_keywords_are_unique() -> None:
    keywords = [criterion.keyword for criterion in CRITERIA]
    assert len(set(keywords)) == len(keywords)
