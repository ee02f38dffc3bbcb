"""The run file: its columns, its events and the words its channels are described with.

One run is one Arrow IPC file in long format, one row per reading or event, in order of arrival.
This module fixes what stands in it; ``docs/run-file.md`` tells the same to people. What is
written here is frozen by golden files: a change that an old reader would misread needs a new
``FORMAT_VERSION``.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from effmeter.errors import NewerFormatError, NotARunError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT_VERSION = 1
VERSION_KEY = b"effmeter.format"
METADATA_KEY = b"effmeter.run"
RUN_SUFFIX = ".arrow"
SLOW_READ_NS = 1_000_000
"""A reading that took longer than this carries how long, in ``duration_s``."""

COLUMNS = {
    "time": "timestamp",
    "seq": "int64",
    "channel": "string",
    "energy_j": "float64",
    "power_w": "float64",
    "event": "string",
    "source": "string",
    "id": "int64",
    "parent": "int64",
    "name": "string",
    "value": "float64",
    "text": "string",
    "duration_s": "float64",
}
"""Column names and types, in order. Strings are plain: an Arrow file cannot grow a dictionary."""


def successor_path(path: Path) -> Path:
    """Where the successor of a recorder that died writes on: ``NAME.2.arrow``."""
    return path.with_name(f"{path.stem}.2{path.suffix}")


class Event(StrEnum):
    """What a row that is not a reading says; the columns that each uses stand beside it."""

    CHANNEL = "channel"
    """channel, text (its description, JSON), value (J on its counter when recording began)."""
    EPOCH_BEGIN = "epoch_begin"
    """source, id, parent, name, value (the epoch's number, from 1)."""
    EPOCH_END = "epoch_end"
    """source, id, value, text (why, where it did not end by itself)."""
    SPAN_BEGIN = "span_begin"
    """source, id, parent, name."""
    SPAN_END = "span_end"
    """source, id."""
    METRIC = "metric"
    """source, parent (the epoch or span it belongs to), name, value."""
    GAP = "gap"
    """channel, id, text (the reason), duration_s (null while it lasts), value (the most joules
    it can have hidden; null: unknown). ``time`` is its beginning; a closing row repeats the id."""
    ANCHOR = "anchor"
    """id (run clock, ns), value (wall clock less ``time``, s), duration_s (s asleep since boot)."""
    CONTENTION = "contention"
    """channel (null: the host's processors), value (how many other processes use the device from
    now on; null: unknown), text (which, or why that is unknown)."""
    MEMORY = "memory"
    """source (null: the recorder), name (``ram``, a GPU's channel or another memory), value (bytes
    in use from now on; null: unknown), text (``peak``: the value is the most there was since the
    row before it; or why it is unknown)."""
    NOTE = "note"
    """source, name (what about), value, text."""
    END = "end"
    """source (null: the whole recording), text (the status)."""


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
    unit_j: float = 1.0
    modulus: int | None = None
    resolution: float = 0.0
    """The smallest step shown: joules of a counter, watts of a gauge."""
    window_s: float = 0.0
    """How long a gauge averages over; 0: it shows the moment."""
    gain_error_fraction: float = 0.0
    """The sensor's stated proportional error, kept apart from the interval as systematic."""
    estimate_factor: float = 1.0
    """An estimate's truth lies within the figure divided and multiplied by this."""
    max_power_w: float | None = None
    """More than the device can draw; bounds the steps of its counter."""
    call_cost_s: float = 0.0
    """What one reading costs, where it is known to matter."""

    def to_json(self) -> str:
        """The description as it stands in the file: what is left at its default is left out."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps({k: v for k, v in given.items() if v != _CHANNEL_DEFAULTS.get(k, _UNSET)})

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> Self:
        """The channel that a mapping describes; names it does not know are passed over."""
        known = {k: v for k, v in described.items() if k in _CHANNEL_FIELDS}
        try:
            known["component"] = Component(known["component"])
            known["kind"] = Kind(known["kind"])
            known["provenance"] = Provenance(known["provenance"])
            return cls(**known)
        except (KeyError, TypeError, ValueError) as error:
            raise NotARunError(f"a channel's description cannot be read: {error}") from error


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


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a run when its recording begins."""

    run_id: str
    name: str
    started_wall_ns: int
    started_time_ns: int
    """The run clock at the same moment; ``time`` counts on from the wall by this clock."""
    part: int = 1
    """2 for the file of a successor, written where the first recorder died."""
    labels: dict[str, str | int | float | bool] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    host: dict[str, Any] = field(default_factory=dict)
    program: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    sampling: dict[str, Any] = field(default_factory=dict)

    def to_arrow(self) -> dict[bytes, bytes]:
        """The schema metadata of the file."""
        described = {f.name: getattr(self, f.name) for f in fields(self)}
        described["channels"] = [json.loads(c.to_json()) for c in self.channels]
        described["refusals"] = [asdict(r) for r in self.refusals]
        return {
            VERSION_KEY: str(FORMAT_VERSION).encode(),
            METADATA_KEY: json.dumps(described).encode(),
        }

    @classmethod
    def from_arrow(cls, metadata: Mapping[bytes, bytes] | None) -> Self:
        """The metadata of a file's schema; NotARunError, NewerFormatError."""
        if not metadata or VERSION_KEY not in metadata or METADATA_KEY not in metadata:
            raise NotARunError("it is an Arrow file, but not one that effmeter recorded")
        try:
            version = int(metadata[VERSION_KEY])
            described = json.loads(metadata[METADATA_KEY])
        except ValueError as error:
            raise NotARunError(f"its metadata cannot be read: {error}") from error
        if version > FORMAT_VERSION:
            raise NewerFormatError(
                f"its format is {version} and this effmeter reads up to {FORMAT_VERSION}: upgrade"
            )
        known = {f.name for f in fields(cls)}
        try:
            described = {k: v for k, v in described.items() if k in known}
            described["channels"] = tuple(map(Channel.from_mapping, described.get("channels", ())))
            described["refusals"] = tuple(map(_refusal, described.get("refusals", ())))
            return cls(**described)
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise NotARunError(f"its metadata cannot be read: {error}") from error


def _refusal(described: Mapping[str, Any]) -> Refusal:
    known = {f.name for f in fields(Refusal)}
    kept = {k: v for k, v in described.items() if k in known}
    return Refusal(**{**kept, "component": Component(kept["component"])})


def arrow_schema(metadata: Metadata | None = None) -> "pa.Schema":
    """The schema of a run file, with the run's metadata where it is given."""
    import pyarrow as pa

    types = {
        "timestamp": pa.timestamp("ns", tz="UTC"),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "string": pa.string(),
    }
    columns = [pa.field(name, types[kind]) for name, kind in COLUMNS.items()]
    return pa.schema(columns, metadata=None if metadata is None else metadata.to_arrow())
