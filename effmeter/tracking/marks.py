"""Identities and nesting of marks, and what a mark may hold."""

import contextlib
import itertools
import math
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from effmeter.errors import UsageError
from effmeter.wire.protocol import MAX_LABELS, MAX_TEXT

Label = str | int | float | bool


class Scalar(Protocol):
    """What holds one plain value, as a scalar of NumPy or of a tensor library does."""

    def item(self) -> Any:
        """The plain value."""


Labels = Mapping[str, Label | Scalar]
_ids = itertools.count(1)


def next_id() -> int:
    """A number that no other run, epoch or span of this process has."""
    return next(_ids)


class Nesting:
    """The open epochs and spans of one run, for each thread by itself."""

    def __init__(self, root_id: int) -> None:
        self._root_id = root_id
        self._of_thread = threading.local()

    @property
    def innermost(self) -> int:
        """What this thread is in: an open span or epoch, or the run itself."""
        opened = self._opened
        return opened[-1] if opened else self._root_id

    def enter(self, id_: int) -> None:
        """Something opens inside the innermost."""
        self._opened.append(id_)

    def leave(self, id_: int) -> None:
        """Something closes, wherever it stands."""
        with contextlib.suppress(ValueError):
            self._opened.remove(id_)

    @property
    def _opened(self) -> list[int]:
        opened: list[int] = self._of_thread.__dict__.setdefault("opened", [])
        return opened


def as_number(name: str, value: Any) -> float:
    """A metric's value as a float; UsageError for what is none."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the metric {name} is not a number: {value!r}") from error
    return number


def check_name(name: str) -> None:
    """UsageError for what cannot name a span or a metric."""
    if not isinstance(name, str) or not name or len(name) > MAX_TEXT:
        raise UsageError(f"a name is a text that is not empty, not {name!r}")


def checked_labels(labels: Labels) -> dict[str, Label]:
    """Plain labels; what has an ``item()`` (a NumPy scalar) is taken by its value."""
    if len(labels) > MAX_LABELS:
        raise UsageError(f"a run takes at most {MAX_LABELS} labels, not {len(labels)}")
    checked: dict[str, Label] = {}
    for key, value in labels.items():
        plain = value.item() if hasattr(value, "item") else value
        if not isinstance(key, str) or not isinstance(plain, str | int | float | bool):
            raise UsageError(f"the label {key!r} is not a text or a number: {value!r}")
        if isinstance(plain, float) and not math.isfinite(plain):
            raise UsageError(f"the label {key!r} is not a finite number: {value!r}")
        checked[key] = plain
    return checked
