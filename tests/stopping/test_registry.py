"""The criteria that can be written as text."""

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


def test_keywords_are_unique() -> None:
    keywords = [criterion.keyword for criterion in CRITERIA]
    assert len(set(keywords)) == len(keywords)
