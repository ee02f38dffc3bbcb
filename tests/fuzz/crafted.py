"""Files made to hurt a reader, one for each way that was found or thought of."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from effmeter.runfile.format import Event
from tests.fuzz.forged_file import DESCRIBED, SOURCE_NOTE, Row, write
from tests.fuzz.hostile import DIGITS, json_of, nested
from tests.runfile.writing import ROOT, SOURCE, WALL_NS

Crafted = Callable[[Path], Path]
CHANNELS: Sequence[Mapping[str, Any]] = DESCRIBED["channels"]


def _row(time_s: float = 1.0, **columns: Any) -> Row:
    return {"time": WALL_NS + round(time_s * 1e9), "seq": 10**6, **columns}


BASE: Sequence[Row] = (
    _row(0.0, event="note", name="source", source=SOURCE, id=ROOT, text=json.dumps(SOURCE_NOTE)),
    *(_row(t, channel="cpu0", energy_j=50 * t) for t in (0.0, 0.5, 1.0, 1.5)),
    *(_row(t, channel="gpu0-power", power_w=200.0) for t in (0.0, 0.5, 1.0, 1.5)),
    _row(0.2, event="epoch_begin", source=SOURCE, id=5, parent=ROOT, value=1.0),
    _row(0.9, event="metric", source=SOURCE, parent=5, name="accuracy", value=0.5),
    _row(0.9, event="epoch_end", source=SOURCE, id=5, value=1.0),
    _row(1.6, event="end", text="completed"),
)
"""One epoch of one program."""


def _metadata(**change: Any) -> Crafted:
    return lambda path: write(path, BASE, json_of({**DESCRIBED, **change}))


def _raw(text: str | bytes, version: str = "2") -> Crafted:
    return lambda path: write(path, BASE, text, version)


def _without(field: str) -> Crafted:
    return _raw(json_of({name: value for name, value in DESCRIBED.items() if name != field}))


def _channels(**change: Any) -> Crafted:
    return _metadata(channels=[{**channel, **change} for channel in CHANNELS])


def _rows(*more: Row) -> Crafted:
    return lambda path: write(path, [*BASE, *more], json_of(DESCRIBED))


def _said(name: str, text: str | None, **columns: Any) -> Row:
    return _row(event="note", name=name, text=text, source=SOURCE, id=ROOT, **columns)


def _note(name: str, text: str | None) -> Crafted:
    return _rows(_said(name, text))


def _event(event: Event, **columns: Any) -> Crafted:
    return _rows(_row(event=str(event), **columns))


def _chain(event: Event, parents: Sequence[int]) -> Crafted:
    return _rows(
        *(
            _row(event=str(event), source=SOURCE, id=100 + n, parent=p, value=1.0, name="s")
            for n, p in enumerate(parents)
        )
    )


HUGE = (2**62, 2**63, 2**200, 10**400, DIGITS)
ODD: tuple[Any, ...] = (
    None,
    "x",
    [],
    {},
    True,
    1.5,
    -1,
    math.nan,
    math.inf,
    1e300,
    "\ud800",
    nested(40),
)
FIELDS = (
    *("run_id", "name", "started_wall_ns", "started_time_ns", "part", "labels", "job", "channels"),
    *("refusals", "host", "program", "versions", "git_commit", "sampling"),
)
NUMBERS = (
    *("unit_j", "modulus", "max_power_w", "refresh_s", "resolution", "window_s", "lag_s"),
    *("gain_error_fraction", "estimate_factor", "noise_fraction", "least_power_w", "call_cost_s"),
)
NO_DESCRIPTIONS = (
    "[" * 4000,
    "{",
    '{"a": {"b": 1}}',
    "[1]",
    '"x"',
    None,
    '{"labels": [1], "rank": "x"}',
    '{"program": {"unread_devices": [{}], "pid": []}}',
)
COUNTING_NOTES = ("dropped_marks", "dropped_rows", "missed_deadlines", "overlap", "overshoot")

CRAFTED: dict[str, Crafted] = {
    "metadata nested 100000 deep": _raw("[" * 100_000),
    "metadata nested 800 deep": _metadata(program=nested(800, dict)),
    "metadata not UTF-8": _raw(b"\xff\xfe{}"),
    "metadata NaN": _raw('{"run_id": NaN}'),
    "metadata a list": _raw("[]"),
    "metadata empty": _raw(""),
    **{f"version {v[:9]}": _raw(json_of(DESCRIBED), v) for v in ("x", "-1", "99", "1" * 5000, "")},
    **{f"metadata without {f}": _without(f) for f in FIELDS},
    **{
        f"metadata {f} {str(v)[:20]!r}": _metadata(**{f: v})
        for n, f in enumerate(FIELDS)
        for v in ODD[n % 3 :: 3]
    },
    **{
        f"metadata {f} huge {n}": _metadata(**{f: v})
        for f in ("started_wall_ns", "part")
        for n, v in enumerate(HUGE)
    },
    **{f"label huge {n}": _metadata(labels={"size": v}) for n, v in enumerate(HUGE)},
    "label nested": _metadata(labels={"a": {"b": [1, {"c": 2}]}}),
    "label a lone surrogate": _metadata(labels={"a\udcff": "\ud800"}),
    "host name a dict": _metadata(host={"name": {}, "boot_id": []}),
    "processors huge": _metadata(host={"logical_cpus": 10**400}),
    "job odd": _metadata(job={"id": [], "rank": -1, "world_size": 2**62, "host_count": "x"}),
    "job of 2**62 ranks": _metadata(job={"id": "7", "rank": 0, "world_size": 2**62}),
    "recorder odd": _metadata(
        sampling={"rate_hz": 5e-324, "recorder_process": {"since_wall_s": 1e300}}
    ),
    "a channel is null": _metadata(channels=[None]),
    "a channel twice": _metadata(channels=[*CHANNELS, *CHANNELS]),
    "channels in each other": _metadata(
        channels=[
            {**CHANNELS[0], "contained_in": CHANNELS[1]["name"]},
            {**CHANNELS[1], "contained_in": CHANNELS[0]["name"]},
        ]
    ),
    **{
        f"channel {f} {str(v)[:20]!r}": _channels(**{f: v})
        for n, f in enumerate(NUMBERS)
        for v in (0, 5e-324, 1e300, *ODD[n % 4 :: 4])
    },
    "channel calibrated by nothing": _channels(calibration={"gain": 0}),
    "refusals odd": _metadata(refusals=[1]),
    "refusal of a component unknown": _metadata(
        refusals=[{"source": "x", "component": "quantum", "reason": "y"}]
    ),
    "no rows": lambda path: write(path, [], json_of(DESCRIBED)),
    **{
        f"note {name} {n}": _note(name, text)
        for name in ("source", "devices", "labels", "metric_modes")
        for n, text in enumerate(NO_DESCRIPTIONS)
    },
    "overlaps of anything": _rows(*(_said("overlap", text) for text in NO_DESCRIPTIONS)),
    **{
        f"notes of {value}": _rows(*(_said(name, "rapl", value=value) for name in COUNTING_NOTES))
        for value in (math.nan, math.inf, -1e308)
    },
    "time in 2262": _rows(_row(time=2**63 - 1, event="note", name="x")),
    "time in 1678": _rows(_row(time=-(2**63), event="span_begin", source="a", id=1, name="x")),
    "an epoch in the past": _rows(_row(-1e8, event="epoch_begin", source=SOURCE, id=777, parent=0)),
    **{
        f"readings of {v}": _rows(
            _row(channel="cpu0", energy_j=v),
            _row(1.1, channel="gpu0-power", power_w=v, duration_s=v),
        )
        for v in (math.nan, math.inf, 1e308, -1e9)
    },
    **{
        f"events of {v}": _rows(
            *(
                _row(event=str(e), id=9, name="ram", value=v, duration_s=v, text="x", **where)
                for e in Event
                for where in ({"channel": "cpu0"}, {"source": SOURCE, "parent": ROOT})
                if e is not Event.CHANNEL
            )
        )
        for v in (math.inf, math.nan, -1e18, 1e308)
    },
    "events of nothing": _rows(*(_row(event=str(e)) for e in Event if e is not Event.CHANNEL)),
    "a channel of nothing": _event(Event.CHANNEL),
    "an event unknown": _rows(_row(event="\x1b[2J", source="x", text="y")),
    **{
        f"channel row {n}": _event(Event.CHANNEL, channel="cpu0", text=text, value=math.inf)
        for n, text in enumerate(("{", "[" * 100_000, None, json.dumps(CHANNELS[1])))
    },
    "300 epochs in each other": _chain(Event.EPOCH_BEGIN, [ROOT, *range(100, 399)]),
    "300 spans in each other": _chain(Event.SPAN_BEGIN, [ROOT, *range(100, 399)]),
    "a span its own parent": _chain(Event.SPAN_BEGIN, [100]),
    "epochs in a circle": _chain(Event.EPOCH_BEGIN, [101, 102, 100]),
    "an end of 100 kB": _event(Event.END, text="x" * 100_000),
    "runs in a circle": _rows(
        *(
            _row(
                0.0,
                event="note",
                name="source",
                source=f"h/-/{n}",
                id=1,
                text=json.dumps(
                    {"name": "n", "run_id": f"r{n}", "parent_run_id": f"r{(n + 1) % 3}"}
                ),
            )
            for n in range(3)
        )
    ),
}
"""By name, what writes the file."""
