"""The texts that name settings: ``1-5``, ``NAME=VALUE`` and ``NAME:option=value,...``."""

import re

from effmeter.errors import UsageError

_NUMBERS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


def whole_numbers(text: str) -> list[int]:
    """The numbers of ``1,2`` or ``1-5``, each once and in order; UsageError for another text."""
    if not _NUMBERS.fullmatch(text):
        raise UsageError(f"{text!r} is not a list of whole numbers such as 1,2 or 1-5")
    numbers: dict[int, None] = {}
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.update(dict.fromkeys(range(int(first), int(last or first) + 1)))
    if not numbers:
        raise UsageError(f"{text} is an empty range: write the smaller number first")
    return list(numbers)


def name_and_value(text: str, form: str = "NAME=VALUE") -> tuple[str, str]:
    """Both sides of ``NAME=VALUE``; UsageError shows ``form`` for another text."""
    name, separator, value = (part.strip() for part in text.partition("="))
    if not (name and separator and value):
        raise UsageError(f"{text.strip()!r} is not of the form {form}")
    return name, value


def name_and_options(text: str) -> tuple[str, dict[str, str]]:
    """The parts of ``NAME`` or ``NAME:option=value,...``; UsageError for another text."""
    name, _, given = (part.strip() for part in text.partition(":"))
    parts = (part for part in given.split(",") if part.strip())
    return name, dict(name_and_value(part, f"{name}:option=value") for part in parts)
