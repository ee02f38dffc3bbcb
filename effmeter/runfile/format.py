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

from effmeter.channel import Channel, Component, Refusal
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
