"""What ``rocm-smi`` and ``amd-smi`` print as JSON, in the shapes of their versions.

``rocm-smi`` prints an object with a part per card, all values as text: ``{"card0": {"Average
Graphics Package Power (W)": "35.0", "Energy counter": "65628"}}``. ``amd-smi`` prints a list,
since ROCm 7 within ``gpu_data``; its figures are plain numbers, text with a unit, or
``{"value": 35, "unit": "W"}``. What is not supported is ``N/A``, a zero power or left out.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from effmeter.probes.amd.gpu import COUNTER_UNIT_J, number, watts, whole_count

_CARD = re.compile(r"card(\d+)")
_HEXADECIMAL = re.compile(r"0x([0-9a-fA-F]{1,8})")
_AVERAGE_KEY = "Average Graphics Package Power (W)"
_CURRENT_KEYS = (
    "Current Socket Graphics Package Power (W)",
    "Current Graphics Package Power (W)",
)
_CAP_KEYS = ("Max Graphics Package Power (W)",)
_MODEL_KEYS = ("Card Series", "Card series", "Device Name", "Card model")
_CHIP_KEYS = ("Device ID", "Card Model", "Card model")
_SECOND_DIE = "Secondary die"
_METRIC_KEYS = ("socket_power", "current_socket_power", "average_socket_power", "current_power")
_MOST_J = 1e14
"""More than any counter reached: the highest value of its type, times its unit."""
_ROUNDED_UNIT_FRACTION = 0.003
"""``amd-smi`` multiplies by 15.3 uJ where 15.259 is meant."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed of one GPU; None for what it did not."""

    count: int | None = None
    power_w: float | None = None
    averaged: bool = True
    second_die: bool = False
    model: str = ""
    chip_number: int = 0
    """AMD's number of the chip (PCI device ID); 0 where it is not printed."""
    address: str = ""
    cap_w: float | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """How one command is called, and what its output means."""

    command: str
    read_options: tuple[str, ...]
    describe_options: tuple[str, ...]
    """Called once, for what does not change: model, address, limit."""
    parse: Callable[[Any], dict[int, Printed]]
    """By the command's number of the GPU; ValueError where it is no such output."""
    counter_source: str
    gauge_source: str
    unit_j: float
    rounding_fraction: float = 0.0
    """What the command's own arithmetic adds to the sensor's gain error."""


def parse_rocm_smi(document: Any) -> dict[int, Printed]:
    """The cards in the output of ``rocm-smi --json``."""
    cards = document if isinstance(document, dict) else {}
    found = {
        int(match[1]): _card(figures)
        for name, figures in cards.items()
        if (match := _CARD.fullmatch(name)) and isinstance(figures, dict)
    }
    if not found:
        raise ValueError("it lists no card")
    return found


def parse_amd_smi(document: Any) -> dict[int, Printed]:
    """The GPUs in the output of ``amd-smi metric --json`` or ``amd-smi static --json``."""
    listed = document.get("gpu_data") if isinstance(document, dict) else document
    found = dict(_listed(listed if isinstance(listed, list) else []))
    if not found:
        raise ValueError("it lists no GPU")
    return found


def _card(figures: dict[str, Any]) -> Printed:
    average_w = number(figures.get(_AVERAGE_KEY))
    current_w = next(_numbers(figures, _CURRENT_KEYS), None)
    power_w = average_w if current_w is None else current_w
    return Printed(
        count=whole_count(figures.get("Energy counter")),
        # Old versions print a zero where they could not read the power.
        power_w=power_w or None,
        averaged=current_w is None,
        second_die=any(_SECOND_DIE in str(value) for value in figures.values()),
        model=_first_text(figures, _MODEL_KEYS),
        chip_number=_first_number(figures, _CHIP_KEYS),
        address=_first_text(figures, ("PCI Bus",)).lower(),
        cap_w=next((w for key in _CAP_KEYS if (w := watts(figures.get(key)))), None),
    )


def _listed(entries: list[Any]) -> Iterator[tuple[int, Printed]]:
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("gpu"), int):
            yield entry["gpu"], _entry(entry)


def _entry(entry: dict[str, Any]) -> Printed:
    power, energy = _part(entry, "power"), _part(entry, "energy")
    shown = next((key for key in _METRIC_KEYS if number(power.get(key)) is not None), None)
    total_j = number(energy.get("total_energy_consumption"))
    limits = _part(entry, "limit")
    return Printed(
        count=None if total_j is None or total_j > _MOST_J else round(total_j * 1e3),
        power_w=None if shown is None else number(power[shown]),
        averaged=shown != "current_socket_power",
        model=_first_text(_part(entry, "asic"), ("market_name",)),
        chip_number=_first_number(_part(entry, "asic"), ("device_id",)),
        address=_first_text(_part(entry, "bus"), ("bdf",)).lower(),
        cap_w=watts(limits.get("max_power")) or watts(limits.get("socket_power_limit")),
    )


def _part(entry: dict[str, Any], name: str) -> dict[str, Any]:
    part = entry.get(name)
    return part if isinstance(part, dict) else {}


def _numbers(figures: dict[str, Any], keys: tuple[str, ...]) -> Iterator[float]:
    for key in keys:
        value = number(figures.get(key))
        if value is not None:
            yield value


def _first_text(figures: dict[str, Any], keys: tuple[str, ...]) -> str:
    texts = (figures.get(key) for key in keys)
    return next((t for t in texts if isinstance(t, str) and not t.startswith(("N/A", "0x"))), "")


def _first_number(figures: dict[str, Any], keys: tuple[str, ...]) -> int:
    """The first value in hexadecimal digits; 0 where there is none."""
    texts = (_HEXADECIMAL.fullmatch(str(figures.get(key))) for key in keys)
    return next((int(match[1], 16) for match in texts if match), 0)


ROCM_SMI = Format(
    "rocm-smi",
    ("--showpower", "--showenergycounter", "--json"),
    (
        *("--showpower", "--showenergycounter", "--showproductname"),
        *("--showbus", "--showmaxpower", "--json"),
    ),
    parse_rocm_smi,
    "rocm-smi --showenergycounter",
    "rocm-smi --showpower",
    COUNTER_UNIT_J,
)
AMD_SMI = Format(
    "amd-smi",
    ("metric", "--power", "--energy", "--json"),
    ("static", "--asic", "--bus", "--limit", "--json"),
    parse_amd_smi,
    "amd-smi metric --energy",
    "amd-smi metric --power",
    1e-3,
    _ROUNDED_UNIT_FRACTION,
)
FORMATS = (ROCM_SMI, AMD_SMI)
"""The preferred first: ``rocm-smi`` prints the counter itself, ``amd-smi`` rounded joules."""
