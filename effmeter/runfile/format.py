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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from effmeter.channel import Channel, Refusal
from effmeter.errors import NewerFormatError, NotARunError
from effmeter.typed_fields import (
    Check,
    fields_in,
    label,
    mapping_of,
    mapping_with,
    optional,
    plain,
    text,
    tuple_of,
    whole,
)

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT_VERSION = 2
VERSION_KEY = b"effmeter.format"
METADATA_KEY = b"effmeter.run"
COMPACTED_KEY = b"effmeter.compacted"
"""In the metadata of a file that was written again in large batches: ``Event.COMPACTED``."""
LOG_KEY = "machine_log"
"""In ``sampling``: the file belongs to the log of a machine."""
LOW_SUFFIX, HIGH_SUFFIX = " low", " high"
"""Behind the name of a thinned channel: the rows of the ends of its intervals."""
RUN_SUFFIX = ".arrow"
Label = str | int | float | bool
"""What a label can say."""
SLOW_READ_NS = 1_000_000
"""A reading that took longer than this carries how long, in ``duration_s``."""


class Column(NamedTuple):
    """A column's type, and the first format version whose files have it."""

    kind: Literal["timestamp", "int64", "float64", "string"]
    since: int = 1


COLUMNS: Mapping[str, Column] = {
    "time": Column("timestamp"),
    "seq": Column("int64"),
    "channel": Column("string"),
    "energy_j": Column("float64"),
    "power_w": Column("float64"),
    "event": Column("string"),
    "source": Column("string"),
    "id": Column("int64"),
    "parent": Column("int64"),
    "name": Column("string"),
    "value": Column("float64"),
    "text": Column("string"),
    "duration_s": Column("float64"),
}
"""The columns by name, in order. Strings are plain: an Arrow file cannot grow a dictionary.

A file holds at least the columns of its own format version. A reader fills later ones with null.
"""


def successor_path(path: Path) -> Path:
    """Where the successor of a recorder that died writes on: ``NAME.2.arrow``."""
    return path.with_name(f"{path.stem}.2{path.suffix}")


class Event(StrEnum):
    """What a row that is not a reading says; the columns that each uses stand beside it."""

    CHANNEL = "channel"
    """channel, text (its description, JSON), value (J on its counter when recording began)."""
    RUN_BEGIN = "run_begin"
    """source, id (the parent of its outermost marks): the block that a program measures begins."""
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
    """source (null: the recorder), id (of a program's rows: that of its ``run_begin``), name
    (``ram``, a GPU's channel or another memory), value (bytes in use from now on; null: unknown),
    text (``peak``: the value is the most there was since the row before it; or why it is
    unknown)."""
    CONDITION = "condition"
    """channel (the device: a channel that stands for it, or ``cpu``), name (a ``Condition``), value
    (of one that is averaged: since the row before it, the first row being the first look; of any
    other: from now on; null for a text), text (a governor; the reason of throttling)."""
    WORK = "work"
    """channel (the device; null: the host's processors), source (null: all processes; a program:
    those that descend from it, without those of a program inside it), value (for how long they
    have used the device since the recorder first looked, s; null: unknown), duration_s (how much
    longer it may be, of processes that ended unseen), id (how many processes it counts), text (why
    it is unknown)."""
    NOTE = "note"
    """source, id (of a program's notes: that of its ``run_begin``, since a process may have several
    runs), name (what about), value, text."""
    BLIND = "blind"
    """channel (a thinned one), duration_s: where it showed nothing, so that another one counts."""
    COMPACTED = "compacted"
    """The last row of a file that was written again in large batches: text (JSON: whether its
    original was ``finished``, and the ``damages`` in it)."""
    END = "end"
    """source (null: the whole recording), id, text (the status); a program states the time at which
    its block ended."""


class NoteName(StrEnum):
    """The subject of a ``NOTE``: its ``name``. Notes of the program itself: ``user_note``."""

    SOURCE = "source"
    """A program joined: source, id (the parent of its outermost marks), text (JSON)."""
    DEVICES = "devices"
    """What is known of the devices of a program: source, id as its ``source`` note, text (JSON,
    which replaces the same names in its description)."""
    LABELS = "labels"
    """Labels set after the beginning: text (JSON)."""
    METRIC_MODES = "metric_modes"
    """Whether less or more of a metric is better: text (JSON: by metric, a ``MetricMode``)."""
    BUDGET = "budget"
    """text: the channels that an energy budget covers; one for each budget of each stage."""
    STOP = "stop"
    """text: why the epochs ended; one for each stage that a criterion ended."""
    OVERSHOOT = "overshoot"
    """value: joules used beyond an energy budget."""
    DROPPED_MARKS = "dropped_marks"
    """value: marks of the source that are lost."""
    DROPPED_ROWS = "dropped_rows"
    """value: rows that could not be written."""
    MISSED_DEADLINES = "missed_deadlines"
    """text (the probe), value (how many of its readings came too late)."""
    RECORDER = "recorder"
    """text: a fault of the recorder."""
    OVERLAP = "overlap"
    """Another recording of the same user on this machine shared time with the source: id (as its
    ``source`` note), value (the shared seconds), text (JSON: ``name``, ``file`` and ``pid`` of the
    other; or ``others``, where one note stands for several)."""
    WARNING = "warning"
    """text: what limits the figures."""


class MetricMode(StrEnum):
    """What a file states about a metric, in place of what its name implies."""

    MIN = "min"
    """Less is better."""
    MAX = "max"
    """More is better."""
    NEITHER = "neither"
    """It judges nothing, such as a count."""
    UNKNOWN = "unknown"
    """Nobody says; its name does not either, whatever its words."""


def user_note(name: str) -> str:
    """The name of a note that the program itself writes."""
    return f"user:{name}"


PEAK = "peak"
"""The text of a ``MEMORY`` row whose value is the peak since the row before it."""


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
    job: dict[str, Any] = field(default_factory=dict)
    """What is known of the job that the recording is of; empty: it is no launched job's.

    ``id`` (the same on all hosts), ``launcher``, ``rank``, ``local_rank``, ``world_size`` (ranks),
    ``host_count`` (hosts); those that the launcher does not state are missing.
    """
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
        version_of(metadata)
        try:
            described = json.loads(metadata[METADATA_KEY])
        except (ValueError, RecursionError) as error:
            raise NotARunError(f"its metadata cannot be read: {error}") from error
        try:
            return cls(**fields_in(described, _METADATA_FIELDS))
        except (TypeError, ValueError) as error:
            raise NotARunError(f"its metadata cannot be read: {error}") from error


_MOMENT = whole(0, 2**62)
"""Moments up to here can be added and subtracted in 64 bits."""
_METADATA_FIELDS: Mapping[str, Check] = {
    "run_id": text,
    "name": text,
    "started_wall_ns": _MOMENT,
    "started_time_ns": _MOMENT,
    "part": whole(0),
    "labels": mapping_of(label),
    "job": mapping_of(plain),
    "channels": tuple_of(Channel.from_mapping),
    "refusals": tuple_of(Refusal.from_mapping),
    "host": mapping_with(name=optional(text), boot_id=optional(text)),
    "program": mapping_of(plain),
    "versions": mapping_of(plain),
    "git_commit": optional(text),
    "sampling": mapping_of(plain),
}


def version_of(metadata: Mapping[bytes, bytes] | None) -> int:
    """The format version that a file's schema states; NotARunError, NewerFormatError."""
    try:
        version = int((metadata or {})[VERSION_KEY])
    except KeyError as error:
        raise NotARunError("it is an Arrow file, but not one that effmeter recorded") from error
    except ValueError as error:
        raise NotARunError(f"its metadata cannot be read: {error}") from error
    if version > FORMAT_VERSION:
        raise NewerFormatError(
            f"its format is {version} and this effmeter reads up to {FORMAT_VERSION}: upgrade"
        )
    return version


def arrow_schema(
    metadata: Metadata | None = None, columns: Mapping[str, Column] = COLUMNS
) -> "pa.Schema":
    """The schema of a run file, with the run's metadata where it is given."""
    import pyarrow as pa

    types = {
        "timestamp": pa.timestamp("ns", tz="UTC"),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "string": pa.string(),
    }
    described = [pa.field(name, types[column.kind]) for name, column in columns.items()]
    return pa.schema(described, metadata=None if metadata is None else metadata.to_arrow())
