"""``effmeter idle``: what this machine draws when nothing runs."""

import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from effmeter.analysis.idle import IdleBaseline, measure_idle
from effmeter.clock import now_ns
from effmeter.errors import MeasurementError
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.recorder.observers.processes import busy_s
from effmeter.state.idle_baseline import baseline_path, save_baseline
from effmeter.tracking import Run, track
from effmeter.units import format_duration, format_power

SETTLE_S = 2.0
"""Starting a recorder is work: what is measured begins after it."""
IDLE_CPUS = 0.2
IDLE_CPU_FRACTION = 0.02
"""A machine whose processors work no more than the greater of both is idle."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """A stretch in which nothing should have run."""

    begin_ns: int
    end_ns: int
    busy_cpus: float


@click.command("idle")
@click.option(
    "--seconds",
    "duration_s",
    type=click.FloatRange(min=1.0),
    default=60.0,
    show_default=True,
    help="How long to measure.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the same figures as JSON.")
def command(duration_s: float, as_json: bool) -> None:
    """Measure what this machine draws when nothing runs, and keep it.

    Leave the machine alone meanwhile: other work is said, and stands beside the figures.
    `effmeter report --net` shows the energy of runs on this host without it. The figures are
    kept in $XDG_STATE_HOME/effmeter/idle.json, by default under ~/.local/state.
    """
    wait_s = SETTLE_S + duration_s
    click.echo(f"effmeter: measuring for {format_duration(wait_s)}: leave it alone", err=True)
    baseline = _measure(duration_s)
    path = baseline_path(os.environ)
    save_baseline(path, baseline.host, baseline.as_mapping())
    for caution in baseline.cautions:
        click.echo(f"effmeter: warning: the machine was not idle: {caution}", err=True)
    if as_json:
        click.echo(json.dumps({"file": str(path), **baseline.as_mapping()}, indent=2))
        return
    for line in _lines(baseline):
        click.echo(line)
    click.echo(f"effmeter: kept in {path}", err=True)


def _measure(duration_s: float) -> IdleBaseline:
    with tempfile.TemporaryDirectory(prefix="effmeter-idle-") as folder:
        with track(os.path.join(folder, "idle.arrow"), join=False) as run:
            time.sleep(SETTLE_S)
            watched = _watch(run, duration_s)
        if run.path is None:
            raise MeasurementError("no recorder could be had: see the warning above")
        recorded = read_run(Path(run.path))
        host = str(recorded.metadata.host.get("name") or socket.gethostname())
        date = datetime.now(UTC).isoformat(timespec="seconds")
        cautions = list(_cautions(recorded, watched))
        return measure_idle(recorded, watched.begin_ns, watched.end_ns, host, date, cautions)


def _watch(run: Run, duration_s: float) -> _Watched:
    begin_ns, worked_s = now_ns(), busy_s()
    with run.span("idle"):  # its ends ask for readings right there
        time.sleep(duration_s)
    end_ns = now_ns()
    return _Watched(begin_ns, end_ns, (busy_s() - worked_s) / ((end_ns - begin_ns) * 1e-9))


def _cautions(recorded: RecordedRun, watched: _Watched) -> Iterator[str]:
    """In what the machine was not idle."""
    logical_cpus = os.cpu_count() or 1
    if watched.busy_cpus > max(IDLE_CPUS, IDLE_CPU_FRACTION * logical_cpus):
        yield f"{watched.busy_cpus:.1f} of {logical_cpus} logical processors were busy"
    most: dict[str, int] = {}
    for seen in recorded.contentions:
        if seen.channel is not None:
            most[seen.channel] = max(most.get(seen.channel, 0), seen.processes)
    for channel, processes in most.items():
        if processes:
            yield f"processes on {channel}: {processes}"
    if recorded.suspends:
        yield "it slept"


def _lines(baseline: IdleBaseline) -> list[str]:
    rows = [
        (
            name,
            format_power(power.power_w),
            f"[{format_power(power.low_w)}, {format_power(power.high_w)}]",
        )
        for name, power in baseline.channels.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
