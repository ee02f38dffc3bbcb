"""``effmeter idle``: the power of the idle machine."""

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
from effmeter.cli.machine_recording import record_machine
from effmeter.cli.options import FiniteRange, json_option, output_option
from effmeter.cli.output import emit, say
from effmeter.clock import now_ns
from effmeter.recorded.run import RecordedRun
from effmeter.recorder.observers.processes import busy_s
from effmeter.report.formatting import json_text
from effmeter.report.page import Page
from effmeter.state.idle_baseline import baseline_path, check_writable, save_baseline
from effmeter.tracking import Run
from effmeter.units import format_duration, format_power

SETTLE_S = 2.0
"""The measurement begins when the work of starting a recorder is over."""
IDLE_CPUS = 0.2
IDLE_CPU_FRACTION = 0.02
"""A machine is idle if its processors work no more than the greater of both."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """The measured stretch, and how many logical processors were busy in it."""

    begin_ns: int
    end_ns: int
    busy_cpus: float


@click.command("idle")
@click.option(
    "--seconds",
    "duration_s",
    type=FiniteRange(min=1.0),
    default=60.0,
    show_default=True,
    help="How long to measure.",
)
@json_option
@output_option
def command(duration_s: float, as_json: bool, output: Path | None) -> None:
    """Measure the power of the idle machine and store it as this host's baseline.

    Stop all other work first. Signs of other work are printed as warnings and stored with the
    baseline. `effmeter report --net` subtracts the baseline from the energy of runs on this
    host. The file is $XDG_STATE_HOME/effmeter/idle.json, by default under ~/.local/state.
    """
    path = baseline_path(os.environ)
    check_writable(path)
    wait_s = SETTLE_S + duration_s
    say(f"measuring the idle machine for {format_duration(wait_s)}")
    baseline = _measure(duration_s)
    for text in baseline.warnings:
        say(f"warning: the machine was not idle: {text}")
    if as_json:
        emit(json_text({"file": str(path), **baseline.as_mapping()}), output)
    else:
        emit(str(page_of(baseline, Page() if output else Page.for_stream())), output)
    save_baseline(path, baseline.host, baseline.as_mapping())
    say(f"the baseline is kept in {path}")


def _measure(duration_s: float) -> IdleBaseline:
    with tempfile.TemporaryDirectory(prefix="effmeter-idle-") as folder:
        path = os.path.join(folder, "idle.arrow")
        recorded, watched = record_machine(path, lambda run: _watch(run, duration_s))
        host = str(recorded.metadata.host.get("name") or socket.gethostname())
        date = datetime.now(UTC).isoformat(timespec="seconds")
        warnings = list(_warnings(recorded, watched))
        return measure_idle(recorded, watched.begin_ns, watched.end_ns, host, date, warnings)


def _watch(run: Run, duration_s: float) -> _Watched:
    time.sleep(SETTLE_S)
    begin_ns, worked_s = now_ns(), busy_s()
    with run.span("idle"):  # the recorder takes extra readings at both marks
        time.sleep(duration_s)
    end_ns = now_ns()
    return _Watched(begin_ns, end_ns, (busy_s() - worked_s) / ((end_ns - begin_ns) * 1e-9))


def _warnings(recorded: RecordedRun, watched: _Watched) -> Iterator[str]:
    """Signs that the machine was not idle."""
    logical_cpus = os.cpu_count() or 1
    if watched.busy_cpus > max(IDLE_CPUS, IDLE_CPU_FRACTION * logical_cpus):
        yield f"{watched.busy_cpus:.1f} of {logical_cpus} logical processors were busy"
    most: dict[str, int] = {}
    for seen in recorded.contentions:
        if seen.channel is not None:
            most[seen.channel] = max(most.get(seen.channel, 0), seen.processes or 0)
    for channel, processes in most.items():
        if processes:
            yield f"processes on {channel}: {processes}"
    if recorded.suspends:
        yield "it slept"


def page_of(baseline: IdleBaseline, page: Page) -> Page:
    """A page with the power of each channel."""
    rows = [
        (
            name,
            format_power(power.power_w),
            f"[{format_power(power.low_w)}, {format_power(power.high_w)}]",
        )
        for name, power in baseline.channels.items()
    ]
    page.table(("channel", "power", "interval"), rows, numeric=(1, 2))
    return page
