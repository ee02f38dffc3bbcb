"""Figures with their intervals, in as many digits as the interval is worth."""

import json
import math
from collections.abc import Mapping
from typing import Any

from effmeter.energy import Energy
from effmeter.energy.text import (
    NOT_KNOWN,
    decimals_of,
    energy_words,
    half_width_words,
    interval,
    number,
)

PER_KJ = 1e3


def jsonable(value: Any) -> Any:
    """Nested values as JSON can hold them: tuples as lists, numbers not finite as null."""
    if isinstance(value, Mapping):
        return {key: jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """The JSON of nested values, as ``jsonable`` prepares them."""
    return json.dumps(jsonable(value), indent=indent, allow_nan=False)


def energy_figure(energy: Energy) -> str:
    """A value with its unit: ``"1.23 kJ"``."""
    return energy_words(energy.value_j, energy.low_j, energy.high_j)[0]


def energy_interval(energy: Energy) -> str:
    """The interval in the unit of the value: ``"[1.20, 1.26]"``."""
    return energy_words(energy.value_j, energy.low_j, energy.high_j)[1]


def energy_systematic(energy: Energy) -> str:
    """The sensors' gain and offset errors in the unit of the value: ``"± 0.06"``; or empty.

    "not known" where the accuracy of a sensor is not stated.
    """
    if not energy.systematic_j:
        return ""
    if math.isnan(energy.systematic_j):
        return NOT_KNOWN
    return half_width_words(energy.systematic_j, energy.value_j, energy.low_j, energy.high_j)


def per_kilojoule(value_per_j: float, low_per_j: float, high_per_j: float) -> tuple[str, str]:
    """An efficiency per kilojoule, and its interval."""
    return with_interval(value_per_j * PER_KJ, low_per_j * PER_KJ, high_per_j * PER_KJ)


def with_interval(value: float, low: float, high: float) -> tuple[str, str]:
    """A plain number and its interval; without one, four digits as tables print.

    A value that nobody knows, such as the ratio of two zeros, is "not known".
    """
    if math.isnan(value):
        return NOT_KNOWN, NOT_KNOWN
    if math.isnan(low) or math.isnan(high):
        return f"{value:#.4g}", NOT_KNOWN
    decimals = decimals_of(value, (high - low) / 2)
    return number(value, decimals), interval(low, high, decimals)


def metric_figure(value: float) -> str:
    """A metric in four significant digits."""
    return f"{value:.4g}"
