"""Run files whose checksums hold although what they say is wrong: as a stranger can make them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from effmeter.runfile.format import (
    COLUMNS,
    FORMAT_VERSION,
    METADATA_KEY,
    VERSION_KEY,
    Event,
    NoteName,
    arrow_schema,
)
from effmeter.runfile.framed_file import FramedFile
from tests.fuzz.hostile import NUMBERS, TEXTS, WHOLE, changed_json
from tests.golden.make import CPU, GAUGE, METADATA, RAM
from tests.runfile.writing import ROOT, SOURCE, WALL_NS

Row = dict[str, Any]
DESCRIBED: Mapping[str, Any] = json.loads(METADATA.to_arrow()[METADATA_KEY]) | {
    "channels": [json.loads(c.to_json()) for c in (CPU, GAUGE, RAM)],
    "sampling": {
        "rate_hz": 10.0,
        "recorder": "shared",
        "recorder_process": {"uid": 0, "user": "root", "pid": 7, "since_wall_s": 1e9},
    },
    "job": {"id": "7", "rank": 0, "local_rank": 0, "world_size": 2, "host_count": 1},
}
"""The metadata of a file, as its JSON holds them."""
SOURCE_NOTE: Mapping[str, Any] = {
    "name": "golden",
    "host": "host",
    "rank": 0,
    "local_rank": 0,
    "pid": 42,
    "labels": {"architecture": "lenet", "size": 1},
    "run_id": "golden-1",
    "parent_run_id": "outer",
    "job": DESCRIBED["job"],
    "program": {
        "command": "train.py",
        "devices_unknown": "why",
        "hidden_channels": ["gpu0-power"],
        "visible_gpus": ["GPU-0"],
    },
}


def rows() -> list[Row]:
    """Three seconds with every event."""
    said: list[Row] = [
        _event(0.0, Event.NOTE, name="source", id=ROOT, text=json.dumps(SOURCE_NOTE)),
        _event(0.0, Event.RUN_BEGIN, id=ROOT),
        _event(0.0, Event.CHANNEL, None, channel="cpu0", text=CPU.to_json(), value=5.0),
    ]
    for tenth in range(30):
        time_s = tenth / 10
        said += [
            _row(time_s, channel="cpu0", energy_j=50 * time_s),
            _row(time_s, channel="ram-estimate", energy_j=6 * time_s),
            _row(time_s, channel="gpu0-power", power_w=200.0 + tenth % 3),
        ]
    for number in (1, 2):
        mark = 100 + number
        said += [
            _event(number - 0.5, Event.EPOCH_BEGIN, id=mark, parent=ROOT, value=float(number)),
            _event(number, Event.SPAN_BEGIN, id=200 + number, parent=mark, name="forward"),
            _event(number + 0.1, Event.SPAN_END, id=200 + number),
            _event(number + 0.4, Event.METRIC, parent=mark, name="accuracy", value=number / 3),
            _event(number + 0.4, Event.EPOCH_END, id=mark, value=float(number)),
        ]
    said += [
        _event(1.0, Event.GAP, None, channel="cpu0", id=1, text="busy", duration_s=0.3, value=9.0),
        _event(1.0, Event.CONTENTION, None, channel="gpu0-power", value=2.0, text="python"),
    ]
    for time_s in (0.1, 1.1, 2.1):
        said += [
            _event(time_s, Event.MEMORY, id=ROOT, name="ram", value=1e9 * (time_s + 1)),
            _event(time_s, Event.CONDITION, None, channel="cpu", name="clock_hz", value=2e9),
            _event(time_s, Event.CONDITION, None, channel="cpu", name="governor", text="powersave"),
            _event(time_s, Event.WORK, None, value=time_s, id=3),
            _event(time_s, Event.WORK, value=time_s / 2, id=1),
            _event(time_s, Event.ANCHOR, None, id=WALL_NS, value=0.0, duration_s=0.0),
        ]
    notes = {
        NoteName.DEVICES: '{"hidden_channels": []}',
        NoteName.LABELS: '{"later": true}',
        NoteName.METRIC_MODES: '{"accuracy": "max"}',
        NoteName.BUDGET: "cpu0",
        NoteName.STOP: "max-epochs",
        NoteName.OVERSHOOT: None,
        NoteName.DROPPED_MARKS: None,
        NoteName.DROPPED_ROWS: None,
        NoteName.MISSED_DEADLINES: "rapl",
        NoteName.RECORDER: "a fault",
        NoteName.OVERLAP: '{"name": "other", "file": "o.arrow", "pid": 3}',
        NoteName.WARNING: "a warning",
    }
    said += [
        _event(2.6, Event.NOTE, id=ROOT, name=name, text=text, value=1.0)
        for name, text in notes.items()
    ]
    said += [
        _event(2.8, Event.END, id=ROOT, text="completed"),
        _event(2.9, Event.END, None, text="completed"),
    ]
    return [{"seq": number} | dict(row) for number, row in enumerate(said)]


def _row(time_s: float, **columns: Any) -> Row:
    return {"time": WALL_NS + round(time_s * 1e9), **columns}


def _event(time_s: float, event: Event, source: str | None = SOURCE, **columns: Any) -> Row:
    return _row(time_s, **{"event": str(event), "source": source, **columns})


def write(
    path: Path,
    said: Sequence[Row],
    described: str | bytes,
    version: str = str(FORMAT_VERSION),
    batch_rows: int = 40,
) -> Path:
    """A finished file of these rows and metadata."""
    text = described.encode("utf-8", "surrogatepass") if isinstance(described, str) else described
    raw = {VERSION_KEY: version.encode(), METADATA_KEY: text}
    with path.open("wb") as sink:
        framed = FramedFile(sink.write, raw)
        if version == "1":
            sink.seek(0)
            schema = arrow_schema().with_metadata(raw)
            with pa.ipc.new_file(sink, schema) as plain:
                for begin in range(0, len(said), batch_rows):
                    plain.write_batch(_batch(said[begin : begin + batch_rows], schema))
            return path
        for begin in range(0, max(1, len(said)), batch_rows):
            framed.write_batch(_batch(said[begin : begin + batch_rows], framed.schema))
        framed.close()
    return path


def _batch(said: Sequence[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array([row.get(f.name) for row in said], f.type) for f in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def changed_rows(rng: Random, said: Sequence[Row]) -> list[Row]:
    """The rows with a few of them changed, doubled, left out or out of place."""
    made: list[Row] = [dict(row) for row in said]
    for _ in range(rng.choice((1, 1, 2, 4, 12))):
        at = rng.randrange(len(made))
        act = rng.randrange(8)
        row = made[at]
        if act == 0:
            made.insert(rng.randrange(len(made)), dict(row))
        elif act == 1 and len(made) > 1:
            del made[at]
        elif act == 2:
            row["time"] = WALL_NS + rng.choice((-(10**18), -1, 10**9, 10**10, 10**18))
        elif act == 3 and str(row.get("text") or "").startswith("{"):
            row["text"] = _plain(changed_json(rng, str(row["text"])))
        elif act == 4:
            made += _chain(rng, rng.choice((2, 50, 400)))
        else:
            _change_column(rng, row)
    return made


def _change_column(rng: Random, row: dict[str, Any]) -> None:
    present = [name for name in row if name != "seq"]
    name = rng.choice(present if rng.randrange(3) else list(COLUMNS))
    kind = COLUMNS[name].kind
    values: Sequence[Any] = {"string": TEXTS, "float64": NUMBERS}.get(kind, WHOLE)
    if name == "event" and rng.randrange(2):
        values = tuple(map(str, Event))
    row[name] = rng.choice((None, *values))
    if isinstance(row[name], str):
        row[name] = _plain(row[name])


def _chain(rng: Random, count: int) -> list[Row]:
    """Epochs or spans inside each other, perhaps in a circle."""
    event = rng.choice((Event.EPOCH_BEGIN, Event.SPAN_BEGIN))
    first = rng.choice((ROOT, 5000 + count - 1, 5000))
    parents = [first, *range(5000, 5000 + count - 1)]
    return [
        {"seq": 0, **_event(1.5, event, id=5000 + n, parent=parent, value=float(n), name="s")}
        for n, parent in enumerate(parents)
    ]


def _plain(text: str) -> str:
    """A text that a column can hold."""
    return text.encode("utf-8", "replace").decode()
