"""Criteria as people write them: ``epochs=50``, ``energy=2kJ``, ``accuracy=0.97``."""

from collections import Counter
from collections.abc import Iterable

from effmeter.errors import UsageError
from effmeter.stopping.criteria import EnergyBudget, MaxEpochs
from effmeter.stopping.criterion import Criterion
from effmeter.stopping.metric_criteria import Patience, TargetMetric
from effmeter.stopping.options import split_text

CRITERIA: tuple[type[Criterion], ...] = (MaxEpochs, Patience, EnergyBudget, TargetMetric)
"""Every criterion with a text form. The one without a keyword takes all other keywords."""
_BY_KEYWORD = {criterion.keyword: criterion for criterion in CRITERIA}


def criterion_examples() -> str:
    """The shortest text of each criterion, for help and errors."""
    return ", ".join(criterion.example for criterion in CRITERIA)


def criterion_syntax() -> str:
    """All that the text of each criterion may hold, one a line."""
    return "\n".join(criterion.syntax for criterion in CRITERIA)


def parse_criterion(text: str) -> Criterion:
    """The criterion of a text such as ``epochs=50`` or ``energy=2kJ,predict``.

    ``METRIC=VALUE`` is a target for any metric that epochs log. ``:min`` or ``:max`` says whether
    less or more of it is better where its name does not: ``reward=30:max``,
    ``patience=reward:3:max``. Raises UsageError, which shows the forms.
    """
    keyword, value = split_text(text)
    if not (keyword and value):
        raise UsageError(f"{text!r} is not a stopping criterion: write {_forms()}")
    criterion = _BY_KEYWORD.get(keyword, _BY_KEYWORD[""])
    try:
        return criterion.parse(text)
    except ValueError as error:
        raise UsageError(f"{text!r} has no number: write {_forms()}") from error
    except UsageError as error:
        if criterion.keyword:
            raise
        raise UsageError(f"{error}. Other criteria: {_forms()}") from error


def parse_criteria(texts: Iterable[str]) -> dict[str, Criterion]:
    """Criteria by name, in the order given; those that share a name have their text instead."""
    parsed = {text.strip(): parse_criterion(text) for text in texts}
    repeated = Counter(criterion.name() for criterion in parsed.values())
    return {
        criterion.name() if repeated[criterion.name()] == 1 else text: criterion
        for text, criterion in parsed.items()
    }


def _forms() -> str:
    return f"{criterion_examples()} (METRIC=TARGET for any metric)"
