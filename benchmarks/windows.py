"""Stretches in which one process alone samples: the recorder, a bare loop, a bare timer."""

import json
import signal
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

import effmeter
from benchmarks.surroundings import Surroundings, start
from benchmarks.usage import Rates, usage_of

RECORDER, LOOP, TIMER = "recorder", "loop", "timer"


class Duration(NamedTuple):
    """How long a process runs before it is watched, and then for how long (s)."""

    warm_up_s: float
    watched_s: float


class Window(NamedTuple):
    """What a process used per second, and which deadlines it missed, by probe."""

    rates: Rates
    missed: Mapping[str, int]
    file_bytes_per_reading: float = 0.0


def observe(place: Surroundings, kind: str, rate_hz: int, duration: Duration) -> Window:
    """Start a process of the kind, watch it for a while once it is warm, and end it."""
    if kind == RECORDER:
        return _observe_recorder(place, rate_hz, duration)
    reads = kind == LOOP
    settings = {
        "rate_hz": rate_hz,
        "zone_files": [str(path) for path in place.zone_files] if reads else [],
        "gpus": place.gpus if reads else 0,
    }
    with start("bare_loop", settings, place.environ) as process:
        rates = _rates_of(process, duration)
        process.send_signal(signal.SIGTERM)
        missed = json.loads(process.stdout.read())["missed"]
    return Window(rates, {f"bare {kind}": missed})


def _observe_recorder(place: Surroundings, rate_hz: int, duration: Duration) -> Window:
    path = place.folder / f"recorder-{time.monotonic_ns()}.arrow"
    with start("hold", {"path": str(path), "rate_hz": rate_hz}, place.environ) as process:
        rates = _rates_of(process, duration)
        process.stdin.close()
    if process.returncode:
        raise RuntimeError("no figures of the recorder: its program failed, see above")
    with pa.ipc.open_file(path) as file:
        readings = file.read_all()["event"].null_count
    missed = effmeter.read_run(path).missed_deadlines
    bytes_per_reading = path.stat().st_size / readings
    path.unlink()
    return Window(rates, missed, bytes_per_reading)


def _rates_of(process: Any, duration: Duration) -> Rates:
    pid = json.loads(process.stdout.readline())["pid"]
    time.sleep(duration.warm_up_s)
    before = usage_of(pid)
    time.sleep(duration.watched_s)
    return usage_of(pid).since(before)
