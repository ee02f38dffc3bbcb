"""The words that a sensor's channel is described with."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from effmeter.errors import NotARunError
from effmeter.typed_fields import (
    Check,
    fields_in,
    flag,
    member,
    number,
    optional,
    text,
    whole,
)


class Kind(StrEnum):
    """Whether a channel counts energy or shows power."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Provenance(StrEnum):
    """How a channel comes by its figure."""

    MEASURED = "measured"
    DERIVED = "derived"
    ESTIMATED = "estimated"


class Component(StrEnum):
    """The part of the machine that a channel covers."""

    GPU = "gpu"
    CPU = "cpu"
    RAM = "ram"
    SOC = "soc"
    BOARD = "board"
    """Several of the others together, and what else its meter takes in."""
    WALL = "wall"
    """The whole machine, with its power supply where the meter stands before it."""


class Condition(StrEnum):
    """What bears on a device's power and speed, besides its load."""

    CLOCK = "clock_hz"
    """Of the processors, on average over them; of a GPU's streaming multiprocessors."""
    MEMORY_CLOCK = "memory_clock_hz"
    TEMPERATURE = "temperature_c"
    THROTTLED = "throttled_fraction"
    """The part of the time in which one reason held the clock down."""
    POWER_LIMIT = "power_limit_w"
    CLOCK_LIMIT = "clock_limit_hz"
    GOVERNOR = "governor"
    """The policy by which the operating system sets the clock; a text."""
    BOOST = "boost"
    """1 where the processor may exceed its base clock, 0 where it may not."""

    @property
    def is_averaged(self) -> bool:
        """Whether it moves all the time, so that averages are recorded, not changes."""
        return self in _AVERAGED

    def differs(self, one: float, other: float) -> bool:
        """Whether two values of it differ by more than is passed over."""
        if self not in _AVERAGED:
            return one != other
        passed_over = _PASSED_OVER.get(self, NOTICED_CLOCK_FRACTION * max(abs(one), abs(other)))
        return abs(one - other) > passed_over


NOTICED_CLOCK_FRACTION = 0.05
"""A clock that moves by more than this part of itself has changed."""
_AVERAGED = frozenset(
    {Condition.CLOCK, Condition.MEMORY_CLOCK, Condition.TEMPERATURE, Condition.THROTTLED}
)
_PASSED_OVER = {Condition.TEMPERATURE: 5.0, Condition.THROTTLED: 0.25}
"""Ten looks tell a part of the time to about a quarter."""
PROCESSORS = "cpu"
"""The device that conditions of all processors together are recorded under."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A sensor's own gain and offset, fitted beside a reference.

    The energy is ``gain`` times what the sensor shows, plus ``offset_w`` times the duration.
    """

    gain: float
    offset_w: float
    gain_error: float
    """Half-width of the 95 % interval of the gain; includes the reference's own gain error."""
    offset_error_w: float
    reference: str
    """The reference: a file's name, or a channel."""
    date: str
    """The time of the fit, ISO 8601 in UTC."""

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> Self:
        """The calibration that a mapping describes; ValueError where it is none."""
        names = [f.name for f in fields(cls)]
        if not isinstance(described, Mapping) or set(described) != set(names):
            raise ValueError(f"a calibration has the fields {', '.join(names)}")
        return cls(**fields_in(described, _CALIBRATION_FIELDS))


_CALIBRATION_FIELDS: Mapping[str, Check] = {
    "gain": number(0, above=0),
    "offset_w": number(),
    "gain_error": number(0),
    "offset_error_w": number(0),
    "reference": text,
    "date": text,
}


@dataclass(frozen=True, slots=True)
class Thinning:
    """What is known of a channel whose readings were replaced by energies of periods."""

    period_s: float
    low_j: float
    """The lower end of the interval of all periods together, without gain error and factor."""
    high_j: float

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> Self:
        """The thinning that a mapping describes; ValueError where it is none."""
        names = [f.name for f in fields(cls)]
        if not isinstance(described, Mapping) or set(described) != set(names):
            raise ValueError(f"a thinning has the fields {', '.join(names)}")
        thinning = cls(**fields_in(described, _THINNING_FIELDS))
        if thinning.low_j > thinning.high_j:
            raise ValueError("the ends of an interval stand in order")
        return thinning


_THINNING_FIELDS: Mapping[str, Check] = {
    "period_s": number(1e-3),
    "low_j": number(0),
    "high_j": number(0),
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One physical quantity of one device, with all that its arithmetic needs.

    A counter's raw value is a whole number of units of ``unit_j`` joules and starts again from
    zero at ``modulus`` units (null: it never does); a gauge shows watts.
    """

    name: str
    component: Component
    kind: Kind
    provenance: Provenance
    source: str
    """Where the reading comes from: a file, a library's function."""
    refresh_s: float
    """Longest time between two updates of the sensor."""
    device: str = ""
    """What identifies the device: model, UUID, PCI address."""
    scope: str = ""
    """What the figure takes in, in words, where the component alone does not say it."""
    contained_in: str | None = None
    """The channel whose figure already includes this one."""
    repeated_by: str = ""
    """Other sensors that show the same counter, in words: it counts once."""
    may_repeat: str = ""
    """The channel whose counter this may show a second time; undecided, so that both count."""
    unit_j: float = 1.0
    modulus: int | None = None
    resolution: float = 0.0
    """The smallest step shown: joules of a counter, watts of a gauge."""
    window_s: float = 0.0
    """How long a gauge averages over; 0: it shows the moment."""
    gain_error_fraction: float = 0.0
    """The sensor's stated proportional error, kept apart from the interval as systematic."""
    is_gain_unknown: bool = False
    """The proportional error is not stated: what it adds to an energy is unknown, not zero."""
    offset_error_w: float = 0.0
    """The sensor's stated constant error (W), systematic as the gain error is."""
    noise_fraction: float = 0.0
    """Noise, nonlinearity and drift, as a part of the value; a floor of the interval."""
    least_power_w: float = 0.0
    """The least that the device draws while it is awake; 0: it may rest. A counter that shows
    less than this stands still."""
    estimate_factor: float = 1.0
    """An estimate's truth lies within the figure divided and multiplied by this."""
    max_power_w: float | None = None
    """More than the device can draw; bounds the steps of its counter."""
    lag_s: float | None = None
    """Of a gauge whose values the driver stamps: how long before its stamp the middle of what a
    value averages lies. None: a value is dated by the call that read it."""
    read_period_s: float = 0.0
    """How often at most the channel is read, where that is less often than its probe."""
    call_cost_s: float = 0.0
    """What one reading costs, where it is known to matter."""
    calibration: Calibration | None = None
    """The device's own gain and offset; null: it is not calibrated."""
    thinned: Thinning | None = None
    """Its rows are energies at the ends of periods, whatever its kind; null: readings."""
    is_feed: bool = False
    """Of a wall meter: it measures one of several feeds of the machine, which add up."""

    @property
    def sensor(self) -> str:
        """The sensor as it stays over reboots: its name without the device's number, its device."""
        return f"{re.sub('[0-9]+', '', self.name, count=1)} of {self.device or 'this machine'}"

    def calibrated(self, calibration: Calibration) -> "Channel":
        """The channel with a calibration, whose errors replace those of the sensor's family."""
        return replace(
            self,
            calibration=calibration,
            gain_error_fraction=calibration.gain_error / calibration.gain,
            is_gain_unknown=False,
            offset_error_w=calibration.offset_error_w,
        )

    def shows_course_of(self, counter: "Channel") -> bool:
        """Whether this gauge shows the course of a counter: stamped, and of the same device."""
        is_of_device = (self.device, self.component) == (counter.device, counter.component)
        kinds = (self.kind, counter.kind) == (Kind.GAUGE, Kind.COUNTER)
        return self.lag_s is not None and kinds and is_of_device

    def to_json(self) -> str:
        """The description in the file, without the fields that have their default value."""
        given = asdict(self)
        return json.dumps({k: v for k, v in given.items() if v != _CHANNEL_DEFAULTS.get(k, _UNSET)})

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> Self:
        """The channel that a mapping describes; names it does not know are passed over.

        Raises NotARunError where a field is missing, or is no value that such a field can have.
        """
        try:
            known = fields_in(described, _CHANNEL_FIELDS)
            if known.get("kind") is Kind.COUNTER:
                known.setdefault("least_power_w", _assumed_least_power_w(known))
            return cls(**known)
        except (KeyError, TypeError, ValueError) as error:
            raise NotARunError(f"a channel's description cannot be read: {error}") from error


_POSITIVE = number(1e-18)
"""Smaller than any unit or period; the quotient of two such numbers stays finite."""
_NOT_NEGATIVE = number(0)
_CHANNEL_FIELDS: Mapping[str, Check] = {
    "name": text,
    "component": member(Component),
    "kind": member(Kind),
    "provenance": member(Provenance),
    "source": text,
    "refresh_s": _POSITIVE,
    "device": text,
    "scope": text,
    "contained_in": optional(text),
    "repeated_by": text,
    "may_repeat": text,
    "unit_j": _POSITIVE,
    "modulus": optional(whole(1, 2**64)),
    "resolution": _NOT_NEGATIVE,
    "window_s": _NOT_NEGATIVE,
    "gain_error_fraction": _NOT_NEGATIVE,
    "is_gain_unknown": flag,
    "offset_error_w": _NOT_NEGATIVE,
    "noise_fraction": _NOT_NEGATIVE,
    "least_power_w": _NOT_NEGATIVE,
    "estimate_factor": _POSITIVE,
    "max_power_w": optional(_POSITIVE),
    "lag_s": optional(_NOT_NEGATIVE),
    "read_period_s": _NOT_NEGATIVE,
    "call_cost_s": _NOT_NEGATIVE,
    "calibration": optional(Calibration.from_mapping),
    "thinned": optional(Thinning.from_mapping),
    "is_feed": flag,
}
"""Every field of a channel, with the values that it can have in a file."""


_WHOLE_DEVICE = re.compile(r"(cpu\d+(-die\d+)?(-perf)?|gpu\d+)")
_ITS_SOURCE = re.compile(r"intel-rapl|power/energy-pkg|TotalEnergyConsumption|TOTAL_ENERGY")
_LEAST_POWER_W = 0.1
"""Less than any processor package or NVIDIA GPU draws while it is awake."""


def _assumed_least_power_w(described: Mapping[str, Any]) -> float:
    """The least power of a counter in a file of a version that did not state it (W).

    The probes of these counters state it since, so that none of theirs is without.
    """
    is_whole = _WHOLE_DEVICE.fullmatch(described["name"]) and _ITS_SOURCE.search(
        described["source"]
    )
    return _LEAST_POWER_W if is_whole else 0.0


_UNSET = object()
_CHANNEL_DEFAULTS = {f.name: f.default for f in fields(Channel)}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A sensor that is there, or should be, and cannot be read; with what would lift that."""

    source: str
    component: Component
    reason: str
    remedy: str = ""
    present: bool = True
    """Whether the machine has the component, as far as can be told without the sensor."""
    leaves_unread: str = ""
    """The part of the machine that no other sensor of the family reads, so that a total over
    its component is partial: the channel it would have been (``cpu1``), or words. Empty where
    the refusal is of the whole component, or where something else reads the same."""

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> Self:
        """The refusal that a mapping describes; ValueError or TypeError where it is none."""
        return cls(**fields_in(described, _REFUSAL_FIELDS))


_REFUSAL_FIELDS: Mapping[str, Check] = {
    "source": text,
    "component": member(Component),
    "reason": text,
    "remedy": text,
    "present": flag,
    "leaves_unread": text,
}
