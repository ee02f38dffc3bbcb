"""An energy in words: as many digits as its interval is worth."""

import math

NOT_KNOWN = "not known"
"""In place of an interval that is not stated."""

_PREFIXES = ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"))
_MOST_DIGITS = 6
_WIDTHS_THAT_COUNT = 10.0
"""A value of less than a tenth of its half-width is written in the interval's digits."""


def energy_words(value_j: float, low_j: float, high_j: float) -> tuple[str, str]:
    """The value with its unit, and the interval in that unit: ``"1.23 kJ"``, ``"[1.20, 1.26]"``."""
    factor, unit, decimals = _scale(value_j, low_j, high_j)
    value = f"{number(value_j / factor, decimals)} {unit}"
    if math.isnan(low_j) or math.isnan(high_j):
        return value, NOT_KNOWN
    return value, interval(low_j / factor, high_j / factor, decimals)


def half_width_words(half_width_j: float, value_j: float, low_j: float, high_j: float) -> str:
    """A half-width in the unit and the digits of the energy it belongs to: ``"± 0.06"``."""
    factor, _, decimals = _scale(value_j, low_j, high_j)
    return f"± {number(half_width_j / factor, decimals)}"


def decimals_of(value: float, half_width: float) -> int:
    """Three digits of the value, more where the interval is narrower than the third."""
    return _decimals(_size(value, half_width), half_width)


def number(value: float, decimals: int) -> str:
    """A number with a fixed number of decimals; zero has no sign."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # never "-0.0"


def interval(low: float, high: float, decimals: int) -> str:
    """Both ends of an interval: ``"[1.20, 1.26]"``, or ``"[1.20, ∞)"`` without an upper end."""
    opening, closing = "(" if math.isinf(low) else "[", ")" if math.isinf(high) else "]"
    return f"{opening}{number(low, decimals)}, {number(high, decimals)}{closing}"


def _scale(value_j: float, low_j: float, high_j: float) -> tuple[float, str, int]:
    """The unit of the value, and its decimals; of the interval where the value is near zero."""
    half_width_j = (high_j - low_j) / 2
    if value_j == 0:
        size_j = max((abs(end_j) for end_j in (low_j, high_j) if math.isfinite(end_j)), default=0.0)
    else:
        size_j = _size(value_j, half_width_j)
    factor, unit = next((p for p in _PREFIXES if size_j >= p[0] * 0.9995), _PREFIXES[-1])
    return factor, unit, _decimals(size_j / factor, half_width_j / factor)


def _size(value: float, half_width: float) -> float:
    """What sets the unit and the digits: the value, unless it is small beside its interval."""
    hidden = half_width / _WIDTHS_THAT_COUNT if math.isfinite(half_width) else 0.0
    return max(abs(value), hidden)


def _decimals(value: float, half_width: float) -> int:
    if not math.isfinite(value) or value == 0:
        return 2
    leading = math.floor(math.log10(abs(value)) + 1e-4)
    wanted = 2 - leading
    if 0 < half_width < math.inf:
        wanted = max(wanted, 1 - math.floor(math.log10(half_width)))
    return max(0, min(wanted, _MOST_DIGITS - 1 - leading))
