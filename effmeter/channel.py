"""The words that a sensor's channel is described with."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from effmeter.errors import NotARunError


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
        for name in ("gain", "offset_w", "gain_error", "offset_error_w"):
            value = described[name]
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ValueError(f"{name} is no number")
            least = -_MAX_NUMBER if name == "offset_w" else 0
            if not least <= value <= _MAX_NUMBER or (name == "gain" and value == 0):
                raise ValueError(f"{name} is out of range")
        if not all(isinstance(described[name], str) for name in ("reference", "date")):
            raise ValueError("reference and date are texts")
        return cls(**described)


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
            known = {k: v for k, v in described.items() if k in _CHANNEL_FIELDS}
            _check_fields(known)
            if known.get("calibration") is not None:
                known["calibration"] = Calibration.from_mapping(known["calibration"])
            known["component"] = Component(known["component"])
            known["kind"] = Kind(known["kind"])
            known["provenance"] = Provenance(known["provenance"])
            if known["kind"] is Kind.COUNTER:
                known.setdefault("least_power_w", _assumed_least_power_w(known))
            return cls(**known)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NotARunError(f"a channel's description cannot be read: {error}") from error


_MAX_NUMBER = 1e18
"""Beyond anything that a sensor is described by; the arithmetic with it stays finite."""
_TEXTS = ("name", "source", "device", "scope", "repeated_by", "may_repeat")
_FLAGS = ("is_feed", "is_gain_unknown")
_POSITIVE = ("refresh_s", "unit_j", "estimate_factor", "max_power_w")
_NOT_NEGATIVE = (
    "resolution",
    "window_s",
    "gain_error_fraction",
    "offset_error_w",
    "noise_fraction",
    "least_power_w",
    "lag_s",
    "read_period_s",
    "call_cost_s",
)
_OPTIONAL = ("max_power_w", "lag_s")


def _check_fields(described: Mapping[str, Any]) -> None:
    """ValueError for a field of the wrong type, or a number outside its range."""
    contained_in, modulus = described.get("contained_in"), described.get("modulus")
    if contained_in is not None and not isinstance(contained_in, str):
        raise ValueError("contained_in is no text")
    if modulus is not None and (type(modulus) is not int or modulus < 1):
        raise ValueError("modulus is no positive whole number")
    for name in _TEXTS:
        if not isinstance(described.get(name, ""), str):
            raise ValueError(f"{name} is no text")
    for name in _FLAGS:
        if not isinstance(described.get(name, False), bool):
            raise ValueError(f"{name} is no truth value")
    for name in (*_POSITIVE, *_NOT_NEGATIVE):
        value = described.get(name)
        if value is None and (name not in described or name in _OPTIONAL):
            continue
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"{name} is no number")
        if not 0 <= value <= _MAX_NUMBER or (value == 0 and name in _POSITIVE):
            raise ValueError(f"{name} is out of range")


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
_CHANNEL_FIELDS = frozenset(f.name for f in fields(Channel))
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
