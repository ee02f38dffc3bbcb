"""Fields of known types out of mappings that come from files and other programs.

A ``Check`` returns a value as its field holds it, or raises a ValueError that completes a
sentence which begins with the name of the field: ``is no text``. Fields are checked once, where a
mapping enters; what is built from them needs no check.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

MAX_NUMBER = 1e18
"""More joules, watts or seconds than can be; the arithmetic with it stays finite."""
MAX_WHOLE = 2**63 - 1
MAX_DEPTH = 16
"""Levels of a description: those of effmeter have four."""

Check = Callable[[Any], Any]
Member = TypeVar("Member", bound=StrEnum)


def fields_in(found: object, checks: Mapping[str, Check]) -> dict[str, Any]:
    """The fields that a mapping has, each checked; names that are not known are passed over.

    Raises ValueError, which names the field.
    """
    if not isinstance(found, Mapping):
        raise ValueError("it is no object")
    return {n: _checked(n, found[n], check) for n, check in checks.items() if n in found}


def stated_fields(found: object, checks: Mapping[str, Check]) -> dict[str, Any]:
    """As ``fields_in``, where a field of another type counts as not stated."""
    stated: dict[str, Any] = {}
    for name, check in checks.items():
        if isinstance(found, Mapping) and name in found:
            try:
                stated[name] = check(found[name])
            except ValueError:
                continue
    return stated


def _checked(name: str, value: Any, check: Check) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError("is no text")
    return value


def flag(value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise ValueError("is no truth value")
    return value


def whole(least: int = -MAX_WHOLE, most: int = MAX_WHOLE) -> Check:
    """A whole number within bounds."""

    def check(value: Any) -> int:
        if type(value) is not int:
            raise ValueError("is no whole number")
        if not least <= value <= most:
            raise ValueError("is out of range")
        return value

    return check


def number(
    least: float = -MAX_NUMBER, most: float = MAX_NUMBER, *, above: float | None = None
) -> Check:
    """A finite number within bounds."""

    def check(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError("is no number")
        # False for NaN too. A whole number of any size is compared before it is converted.
        if not least <= value <= most or (above is not None and value <= above):
            raise ValueError("is out of range")
        return float(value)

    return check


def member(kind: type[Member]) -> Check:
    """A word of an enumeration."""

    def check(value: Any) -> Member:
        if not isinstance(value, str) or value not in set(kind):
            shown = repr(value[:40]) if isinstance(value, str) else type(value).__name__
            raise ValueError(f"is {shown}, none of {', '.join(kind)}")
        return kind(value)

    return check


def optional(check: Check) -> Check:
    """Null, or what the check allows."""
    return lambda value: None if value is None else check(value)


def tuple_of(check: Check) -> Check:
    """A list, each of whose values is checked."""

    def checked(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError("is no list")
        return tuple(_checked(f"[{place}]", each, check) for place, each in enumerate(value))

    return checked


def mapping_of(check: Check) -> Check:
    """An object, each of whose values is checked."""

    def checked(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError("is no object")
        return {text(name): _checked(f"[{name!r}]", each, check) for name, each in value.items()}

    return checked


def mapping_with(**checks: Check) -> Check:
    """An object of any fields, those that are named here checked."""
    of_any = mapping_of(plain)

    def checked(value: Any) -> dict[str, Any]:
        return {**of_any(value), **fields_in(value, checks)}

    return checked


def label(value: Any) -> str | int | float | bool:
    """What a label can say: a text, a number of 64 bits or a truth value."""
    if isinstance(value, list | dict) or value is None:
        raise ValueError("is no text, number or truth value")
    found: str | int | float | bool = plain(value)
    return found


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Values as JSON can hold them, nested to a bounded depth, with numbers of 64 bits."""
    if isinstance(value, list | dict):
        if not depth:
            raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(value, list):
            return [plain(each, depth - 1) for each in value]
        return {text(name): plain(each, depth - 1) for name, each in value.items()}
    if isinstance(value, int) and abs(value) > MAX_WHOLE:
        raise ValueError("is a number beyond 64 bits")
    if not isinstance(value, str | int | float | None):
        raise ValueError("is no plain value")
    return value
