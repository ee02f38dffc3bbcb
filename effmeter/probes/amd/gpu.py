"""What AMD's library and its commands have in common: the channels of a GPU, and odd values.

An unsupported figure is ``N/A`` or the highest value of its type, by version; neither is a
number here.
"""

import math
import re
from dataclasses import dataclass, field
from typing import NamedTuple, TypeGuard

from effmeter.channel import Channel, Kind, Provenance
from effmeter.probes.amd.chips import BOTH_DIES, Chip
from effmeter.probes.base import LIMIT_HEADROOM, Failure, Reading

COUNTER_UNIT_J = 2.0**-16
"""15.259 uJ; the tools state it rounded to 15.3 uJ, which is 0.27 % too much."""
REFRESH_S = 0.1
"""An assumption on the safe side: the driver reads the counter anew every millisecond."""
CURRENT_WINDOW_S = 0.1
AVERAGE_WINDOW_S = 1.0
"""Assumptions on the safe side: AMD states neither."""
GAIN_ERROR_FRACTION = 0.05
"""AMD states none: as much is assumed as NVIDIA states."""
_NOISE_FRACTION = 0.01
_SERVER_OFFSET_ERROR_W, _BOARD_OFFSET_ERROR_W = 5.0, 20.0
"""What is assumed of NVIDIA's boards: fans, memory and regulators are not all in the reading."""
_SERVER_LEAST_W, _BOARD_LEAST_W = 10.0, 1.0
_SERVER = re.compile(r"\b(Instinct|MI\d{2,3})", re.IGNORECASE)
NOT_SHOWN = "it shows no figure (N/A)"
_HIGHEST = frozenset(map(float, (2**16 - 1, 2**32 - 1, 2**64 - 1)))
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)\s*(m|u)?[WJ]?\s*")
_PREFIX = {None: 1.0, "m": 1e-3, "u": 1e-6}


class Seen(NamedTuple):
    """What one look at a GPU showed."""

    counted: int | Failure
    power_w: float | Failure


@dataclass(frozen=True, slots=True)
class AmdGpu:
    """A GPU, and where its figures come from."""

    name: str
    """``amd-gpu0``: it never clashes with the names of other families."""
    device: str
    counter_source: str
    gauge_source: str
    averaged: bool
    """Whether the gauge shows an average rather than the moment."""
    cap_w: float | None = None
    chip: Chip = field(default_factory=Chip)
    unit_j: float = COUNTER_UNIT_J
    gain_error_fraction: float = GAIN_ERROR_FRACTION
    call_cost_s: float = 0.0

    @property
    def is_server_board(self) -> bool:
        """Whether it is a board for servers, which errs less at idle."""
        return _SERVER.search(self.device) is not None

    @property
    def offset_error_w(self) -> float:
        """How far its reading may be off at any load; boards that are not a server's err more."""
        return _SERVER_OFFSET_ERROR_W if self.is_server_board else _BOARD_OFFSET_ERROR_W

    @property
    def least_power_w(self) -> float:
        """The least that it draws while it is awake."""
        return _SERVER_LEAST_W if self.is_server_board else _BOARD_LEAST_W


def includes_second_die(channel: Channel) -> bool:
    """Whether a channel shows a die that is a GPU of its own to programs."""
    return channel.scope.startswith(BOTH_DIES)


class AmdSensors:
    """The counter and the gauge of one GPU, as far as its first look showed them."""

    def __init__(self, gpu: AmdGpu, first: Seen) -> None:
        counts, gauges = isinstance(first.counted, int), isinstance(first.power_w, float)
        self._counter = _counter(gpu) if counts else None
        self._gauge = gauge_channel(gpu, gpu.name if counts else None) if gauges else None
        self.channels = tuple(c for c in (self._counter, self._gauge) if c is not None)

    def readings(
        self, seen: Seen, counted_ns: tuple[int, int], gauged_ns: tuple[int, int]
    ) -> list[Reading]:
        """The readings that a look gives, each with the moments between which it was taken."""
        readings = []
        if self._counter is not None:
            readings.append(Reading(self._counter.name, *counted_ns, seen.counted))
        if self._gauge is not None:
            readings.append(Reading(self._gauge.name, *gauged_ns, seen.power_w))
        return readings


def _counter(gpu: AmdGpu) -> Channel:
    return Channel(
        name=gpu.name,
        component=gpu.chip.component,
        kind=Kind.COUNTER,
        provenance=Provenance.MEASURED,
        source=gpu.counter_source,
        refresh_s=REFRESH_S,
        device=gpu.device,
        scope=gpu.chip.scope,
        unit_j=gpu.unit_j,
        resolution=gpu.unit_j,
        gain_error_fraction=gpu.gain_error_fraction,
        offset_error_w=gpu.offset_error_w,
        noise_fraction=_NOISE_FRACTION,
        least_power_w=gpu.least_power_w,
        max_power_w=_max_power_w(gpu),
        call_cost_s=gpu.call_cost_s,
    )


def gauge_channel(gpu: AmdGpu, contained_in: str | None) -> Channel:
    """The power gauge of a GPU, contained in its counter where there is one."""
    return Channel(
        name=f"{gpu.name}-power",
        component=gpu.chip.component,
        kind=Kind.GAUGE,
        provenance=Provenance.MEASURED,
        source=gpu.gauge_source,
        refresh_s=REFRESH_S,
        device=gpu.device,
        scope=gpu.chip.scope,
        contained_in=contained_in,
        resolution=1.0,
        window_s=AVERAGE_WINDOW_S if gpu.averaged else CURRENT_WINDOW_S,
        gain_error_fraction=GAIN_ERROR_FRACTION,
        offset_error_w=gpu.offset_error_w,
        noise_fraction=_NOISE_FRACTION,
        least_power_w=gpu.least_power_w,
        max_power_w=_max_power_w(gpu),
        call_cost_s=gpu.call_cost_s,
    )


def _max_power_w(gpu: AmdGpu) -> float | None:
    return gpu.cap_w * LIMIT_HEADROOM if gpu.cap_w else None


def number(shown: object) -> float | None:
    """The figure in a value as any version shows it: 35, "35.0", "35 W", {"value": 35, ...}."""
    if isinstance(shown, dict):
        value = shown.get("value")
        return number(f"{value} {shown.get('unit', '')}" if _is_number(value) else value)
    if isinstance(shown, str):
        match = _NUMBER.fullmatch(shown)
        return None if match is None else _usable(float(match[1]) * _PREFIX[match[2]])
    return _usable(float(shown)) if _is_number(shown) else None


def whole_count(shown: object) -> int | None:
    """A raw count, exact; None where there is none or it is the highest value of its type."""
    digits = str(shown).strip() if _is_number(shown) or isinstance(shown, str) else ""
    return int(digits) if digits.isdecimal() and int(digits) < 2**64 - 1 else None


def watts(shown: object) -> float | None:
    """A power limit (W), which some versions state in microwatts; None where it is zero."""
    limit = number(shown) or None
    return limit * 1e-6 if limit is not None and limit >= 100_000 else limit


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _usable(value: float) -> float | None:
    return value if 0 <= value < math.inf and value not in _HIGHEST else None
