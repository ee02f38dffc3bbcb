"""Named settings of an architecture or a data set, which a user writes as ``name=value``."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from effmeter.errors import UsageError

OptionValue = str | int | float


class Option(Protocol):
    """One setting with its default, its values and its purpose."""

    @property
    def default(self) -> OptionValue:
        """The value if the user gives none."""

    @property
    def allowed(self) -> str:
        """Its values, as the object of "takes"."""

    @property
    def summary(self) -> str:
        """Its purpose in one line."""

    def parse(self, value: OptionValue) -> OptionValue:
        """The value, also from text; ValueError where it is none that is allowed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; the first is the default."""

    values: tuple[str, ...]
    summary: str

    @property
    def default(self) -> str:
        """The first word."""
        return self.values[0]

    @property
    def allowed(self) -> str:
        """The words."""
        return " or ".join(self.values)

    def parse(self, value: OptionValue) -> str:
        """The word itself."""
        if value not in self.values:
            raise ValueError(value)
        return str(value)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number of at least ``least``."""

    default: int
    least: int
    summary: str

    @property
    def allowed(self) -> str:
        """The range in words."""
        return f"a whole number from {self.least}"

    def parse(self, value: OptionValue) -> int:
        """The number, also from its digits."""
        number = int(value) if isinstance(value, str) else value
        if number != int(number) or number < self.least:
            raise ValueError(value)
        return int(number)


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number from ``least`` to ``most``."""

    default: float
    least: float
    summary: str
    most: float = math.inf

    @property
    def allowed(self) -> str:
        """The range in words."""
        upper = "" if math.isinf(self.most) else f" to {self.most:g}"
        return f"a number from {self.least:g}{upper}"

    def parse(self, value: OptionValue) -> float:
        """The number, also from its text."""
        number = float(value)
        if not (math.isfinite(number) and self.least <= number <= self.most):
            raise ValueError(value)
        return number


def resolve(
    owner: str, options: Mapping[str, Option], given: Mapping[str, OptionValue]
) -> dict[str, OptionValue]:
    """Every option with its value, given or default; UsageError names ``owner`` and the remedy."""
    for name, value in given.items():
        if name not in options:
            known = ", ".join(options) or "none"
            raise UsageError(f"{owner} has no option {name!r}; its options are {known}")
        _check(owner, name, options[name], value)
    return {
        name: option.parse(given[name]) if name in given else option.default
        for name, option in options.items()
    }


def _check(owner: str, name: str, option: Option, value: OptionValue) -> None:
    try:
        option.parse(value)
    except (ValueError, OverflowError):
        message = f"option {name} of {owner} takes {option.allowed}, not {value!r}"
        raise UsageError(message) from None
