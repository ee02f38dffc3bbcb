"""The values that a user hands over: names, labels, metrics."""

import math
from collections.abc import Mapping
from typing import Any, Protocol

from effmeter.client.vocabulary import MAX_LABELS, MAX_TEXT, Label
from effmeter.errors import UsageError


class Scalar(Protocol):
    """A holder of one plain value, such as a scalar of NumPy or of a tensor library."""

    def item(self) -> Any:
        """The plain value."""


Labels = Mapping[str, Label | Scalar]


def as_number(name: str, value: Any) -> float:
    """A metric's value as a float; UsageError where it is not a number.

    ``item()`` of a tensor waits for it once, and does not warn of gradients as ``float`` does.
    """
    if type(value) is float:  # looking for what it lacks would take longer than sending it
        return value
    count = value.numel() if hasattr(value, "numel") else 1
    if count != 1:
        raise UsageError(f"the metric {name} is not a number but a tensor of {count} values")
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the metric {name} is not a number: {value!r}") from error


def check_name(name: str) -> None:
    """Raise UsageError unless a text can name a run, span or metric."""
    if not isinstance(name, str) or not name or len(name) > MAX_TEXT:
        raise UsageError(f"a name is a text that is not empty, not {name!r}")


def checked_labels(labels: Labels) -> dict[str, Label]:
    """Plain labels; a value with an ``item()`` (a NumPy scalar) becomes its plain value."""
    if not isinstance(labels, Mapping):
        raise UsageError(f"labels are names with values, such as {{'size': 1}}, not {labels!r}")
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
