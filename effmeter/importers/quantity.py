"""Numbers and units as logs write them."""

import math
import re
from dataclasses import dataclass

from effmeter.channel import Kind
from effmeter.errors import UsageError

_PREFIXES = {"": 1.0, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}
_BASES = {"W": (Kind.GAUGE, 1.0), "J": (Kind.COUNTER, 1.0), "Wh": (Kind.COUNTER, 3600.0)}
_NUMBER = re.compile(
    r"\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,3})?)\s*([A-Za-zµ]*)\s*", re.ASCII
)
NO_VALUE = frozenset({"", "-", "n/a", "na", "nan", "null", "none", "[n/a]", "[not supported]"})
"""Texts, in lower case, that stand where an instrument showed nothing."""
MOST_JOULES_OR_WATTS = 1e15
"""Beyond anything that a meter shows; a value above it is an error."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of power or energy."""

    text: str
    kind: Kind
    """A gauge shows power, a counter energy."""
    factor: float
    """Watts or joules in one of it."""


UNITS = {
    prefix + base: Unit(prefix + base, kind, factor * scale)
    for base, (kind, scale) in _BASES.items()
    for prefix, factor in _PREFIXES.items()
}
_BY_LOWER_CASE = {
    "w": "W",
    "watt": "W",
    "watts": "W",
    "kw": "kW",
    "kilowatts": "kW",
    "milliwatts": "mW",
    "j": "J",
    "joule": "J",
    "joules": "J",
    "kj": "kJ",
    "wh": "Wh",
    "kwh": "kWh",
    "mwh": "",  # milliwatt hours or megawatt hours
    "mw": "",
    "mj": "",
}
"""Spellings whose case says nothing; empty: milli and mega are both usual, so the case decides."""


def unit_named(text: str) -> Unit:
    """The unit that a text names; UsageError where it is none."""
    if text in UNITS:
        return UNITS[text]
    spelled = _BY_LOWER_CASE.get(text.lower(), "")
    if not spelled:
        raise UsageError(f"{text!r} is no unit of power or energy, such as W, kW, J or kWh")
    return UNITS[spelled]


def is_unit(text: str) -> bool:
    """Whether a text names a unit, whichever of ``mW`` and ``MW`` it means."""
    return text in UNITS or text.lower() in _BY_LOWER_CASE


def is_no_value(text: str) -> bool:
    """Whether a cell says that the instrument showed nothing."""
    return text.strip().lower() in NO_VALUE


def split_number(text: str, *, decimal_comma: bool = False) -> tuple[float, int, str]:
    """A number with the count of its decimals, and the unit behind it if there is one.

    Raises ValueError where the text is no finite number.
    """
    plain = text.replace(",", ".") if decimal_comma else text
    found = _NUMBER.fullmatch(plain)
    if found is None:
        remedy = "" if decimal_comma or "," not in text else ": add --decimal-comma if it is one"
        raise ValueError(f"{text.strip()[:60]!r} is no number{remedy}")
    digits, unit = found.groups()
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{text.strip()[:60]!r} is no finite number")
    return value, _decimals(digits), unit


def _decimals(digits: str) -> int:
    """Digits behind the point; below zero for ``5e3``, whose last digit counts thousands."""
    mantissa, _, exponent = digits.lower().partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)
