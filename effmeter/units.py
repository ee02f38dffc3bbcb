"""Quantities with units: read from what people type, printed as people read them."""

import math
import re

from effmeter.errors import UsageError

_PREFIX = {"": 1.0, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*"
_ENERGY = re.compile(_NUMBER + r"([mkKMG]?)(J|Wh)\s*")
_DURATION = re.compile(_NUMBER + r"(ms|s|min|h|d)\s*")


def parse_energy_j(text: str) -> float:
    """Joules in a text such as ``"2kJ"``, ``"100 kJ"`` or ``"0.5 kWh"``.

    Raises UsageError where the unit is missing, and where the energy is not positive and finite.
    """
    match = _ENERGY.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not an energy: write a number with a unit, such as 2kJ")
    number, prefix, unit = match.groups()
    energy_j = float(number) * _PREFIX[prefix] * (3600.0 if unit == "Wh" else 1.0)
    if not (0 < energy_j < math.inf):
        raise UsageError(f"{text!r} is not an energy above zero")
    return energy_j


def parse_duration_s(text: str) -> float:
    """Seconds in a text such as ``"90s"``, ``"5 min"`` or ``"2h"``; UsageError otherwise."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a duration: write a number with a unit, such as 90s")
    number, unit = match.groups()
    duration_s = float(number) * (1e-3 if unit == "ms" else _SECONDS[unit])
    if not (0 < duration_s < math.inf):
        raise UsageError(f"{text!r} is not a duration above zero")
    return duration_s


def format_energy(energy_j: float) -> str:
    """An energy with three significant digits and a fitting prefix: ``"1.23 kJ"``."""
    return _with_prefix(energy_j, "J")


def format_power(power_w: float) -> str:
    """A power with three significant digits and a fitting prefix: ``"215 W"``."""
    return _with_prefix(power_w, "W")


def format_frequency(frequency_hz: float) -> str:
    """A frequency with three significant digits and a fitting prefix: ``"1.98 GHz"``."""
    return _with_prefix(frequency_hz, "Hz")


def format_bytes(count: float) -> str:
    """An amount of memory with three significant digits and a fitting prefix: ``"1.50 GiB"``."""
    steps = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
    for factor, unit in steps:
        if count >= factor * 0.9995:
            scaled = count / factor
            return f"{scaled:.{max(0, 2 - math.floor(math.log10(scaled) + 1e-4))}f} {unit}"
    return f"{count:.0f} bytes"


def format_duration(duration_s: float) -> str:
    """A duration as people say it: ``"850 ms"``, ``"12.3 s"``, ``"4 min 05 s"``."""
    if duration_s < 1:
        return f"{duration_s * 1e3:.3g} ms"
    if duration_s < 59.95:
        return f"{duration_s:.3g} s"
    minutes, seconds = divmod(round(duration_s), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def _with_prefix(value: float, unit: str) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:.3g} {unit}"
    steps = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"))
    factor, prefix = next((s for s in steps if abs(value) >= s[0] * 0.9995), steps[-1])
    scaled = value / factor
    decimals = max(0, 2 - math.floor(math.log10(abs(scaled)) + 1e-4))
    return f"{scaled:.{min(decimals, 5)}f} {prefix}{unit}"
