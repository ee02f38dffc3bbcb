"""The names that ``effmeter`` exports, held by a snapshot: a change of them is deliberate."""

import inspect
import re
from enum import Enum
from pathlib import Path
from typing import Any

import effmeter

SNAPSHOT = Path(__file__).with_name("public_api.txt")
UPDATE = (
    "the public API has changed; if that is intended, write the new one down with "
    "`python -m tests.test_public_api` and add a line to CHANGELOG.md"
)


def test_the_public_api_is_that_of_the_snapshot() -> None:
    assert described().splitlines() == SNAPSHOT.read_text().splitlines(), UPDATE


def test_every_public_name_has_a_docstring() -> None:
    for name in set(effmeter.__all__) - {"__version__"}:
        assert inspect.getdoc(getattr(effmeter, name)), name


def described() -> str:
    """Each public name with its signature, and below a class its public members."""
    return "".join(f"{line}\n" for name in effmeter.__all__ for line in _lines(name))


def _lines(name: str) -> list[str]:
    value = getattr(effmeter, name)
    if isinstance(value, type) and issubclass(value, Enum):
        return [name, *(f"    {key} = {item.value!r}" for key, item in value.__members__.items())]
    if isinstance(value, type):
        return [f"{name}{_signature(value)}", *_members(value)]
    return [f"{name}{_signature(value)}" if callable(value) else name]


def _members(owner: type) -> list[str]:
    names = (n for n in dir(owner) if not n.startswith("_") and not hasattr(BaseException, n))
    return [f"    {name}{_member(owner, name)}" for name in names]


def _member(owner: type, name: str) -> str:
    value = inspect.getattr_static(owner, name)
    value = getattr(value, "__func__", value)
    return _signature(value) if inspect.isfunction(value) else ""


def _signature(value: Any) -> str:
    """Parameters without their types: those are held by the type checker."""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return ""
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    text = str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return re.sub(r" at 0x[0-9a-f]+", "", text)


if __name__ == "__main__":
    SNAPSHOT.write_text(described())
