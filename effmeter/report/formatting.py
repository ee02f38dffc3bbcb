"""Figures with their intervals, in as many digits as the interval is worth."""

import math
from typing import Any

from effmeter.energy import Energy

_PREFIXES = ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"))
_MOST_DIGITS = 6
_WIDTHS_THAT_COUNT = 10.0
"""A value of less than a tenth of its half-width is written in the interval's digits."""
PER_KJ = 1e3
NOT_STATED = "not known"
"""In place of an interval that nobody stated."""


def printable(text: str) -> str:
    """A text that is safe on a terminal: what cannot be printed is escaped as Python does.

    Names, labels and reasons come from run files, and those from strangers.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def jsonable(value: Any) -> Any:
    """Nested values as JSON can hold them: tuples as lists, numbers not finite as null."""
    if isinstance(value, dict):
        return {key: jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def energy_figure(energy: Energy) -> str:
    """A value with its unit: ``"1.23 kJ"``."""
    factor, unit = _prefix(energy)
    return f"{_number(energy.value_j / factor, _energy_decimals(energy, factor))} {unit}"


def energy_interval(energy: Energy) -> str:
    """The interval in the unit of the value: ``"[1.20, 1.26]"``."""
    if math.isnan(energy.low_j) or math.isnan(energy.high_j):
        return NOT_STATED
    factor, _ = _prefix(energy)
    decimals = _energy_decimals(energy, factor)
    return _interval(energy.low_j / factor, energy.high_j / factor, decimals)


def energy_systematic(energy: Energy) -> str:
    """The sensor's gain error in the unit of the value: ``"± 0.06"``; empty if none is stated."""
    if not energy.systematic_j:
        return ""
    factor, _ = _prefix(energy)
    return f"± {_number(energy.systematic_j / factor, _energy_decimals(energy, factor))}"


def per_kilojoule(value_per_j: float, low_per_j: float, high_per_j: float) -> tuple[str, str]:
    """An efficiency per kilojoule, and its interval."""
    return with_interval(value_per_j * PER_KJ, low_per_j * PER_KJ, high_per_j * PER_KJ)


def with_interval(value: float, low: float, high: float) -> tuple[str, str]:
    """A plain number and its interval; without one, four digits as tables print.

    A value that nobody knows, such as the ratio of two zeros, is "not known".
    """
    if math.isnan(value):
        return NOT_STATED, NOT_STATED
    if math.isnan(low) or math.isnan(high):
        return f"{value:#.4g}", NOT_STATED
    half_width = (high - low) / 2
    hidden = half_width / _WIDTHS_THAT_COUNT if math.isfinite(half_width) else 0.0
    decimals = _decimals(max(abs(value), hidden), half_width)
    return _number(value, decimals), _interval(low, high, decimals)


def metric_figure(value: float) -> str:
    """A metric in four significant digits."""
    return f"{value:.4g}"


def _prefix(energy: Energy) -> tuple[float, str]:
    """The unit of the value, or of the interval where that makes the value look like nothing."""
    size_j = _size_j(energy)
    return next((p for p in _PREFIXES if size_j >= p[0] * 0.9995), _PREFIXES[-1])


def _energy_decimals(energy: Energy, factor: float) -> int:
    return _decimals(_size_j(energy) / factor, energy.half_width_j / factor)


def _size_j(energy: Energy) -> float:
    if energy.value_j == 0:
        return max(abs(energy.low_j), abs(energy.high_j))
    return max(abs(energy.value_j), energy.half_width_j / _WIDTHS_THAT_COUNT)


def _decimals(value: float, half_width: float) -> int:
    """Three digits of the value, more where the interval is narrower than the third."""
    if not math.isfinite(value) or value == 0:
        return 2
    leading = math.floor(math.log10(abs(value)) + 1e-4)
    wanted = 2 - leading
    if 0 < half_width < math.inf:
        wanted = max(wanted, 1 - math.floor(math.log10(half_width)))
    return max(0, min(wanted, _MOST_DIGITS - 1 - leading))


def _number(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # never "-0.0"


def _interval(low: float, high: float, decimals: int) -> str:
    return f"[{_number(low, decimals)}, {_number(high, decimals)}]"
