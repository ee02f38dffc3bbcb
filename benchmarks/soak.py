"""``python -m benchmarks.soak``: does a long recording grow? Memory, threads, descriptors, drift.

It records a loop of short epochs on the simulated machine, and prints a line every so often for
the recorder and the program. The last lines say how much both grow in the second half, and how
far the recorded energy lies from the truth. Stop it early with Ctrl-C: what it has seen counts.
"""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click
import psutil

import effmeter
from effmeter.recorded.reading import read_run
from effmeter.units import format_bytes
from tests.simulated.machine import SimulatedMachine

_SETTLES_S = 1.0


class Seen(NamedTuple):
    """What one look at a process shows."""

    rss_bytes: int
    threads: int
    descriptors: int
    cpu_s: float

    @classmethod
    def of(cls, process: psutil.Process) -> "Seen":
        """A process now."""
        times = process.cpu_times()
        return cls(
            process.memory_info().rss,
            process.num_threads(),
            process.num_fds(),
            times.user + times.system,
        )

    def __str__(self) -> str:
        return (
            f"{format_bytes(self.rss_bytes)}, {self.threads} threads, "
            f"{self.descriptors} descriptors, {self.cpu_s:.1f} s of CPU"
        )


class Look(NamedTuple):
    """The recorder, the program and the file at one moment."""

    at_s: float
    recorder: Seen
    program: Seen
    file_bytes: int


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", default=60.0, show_default=True)
@click.option("--rate", "rate_hz", default=100.0, show_default=True)
@click.option("--epoch", "epoch_s", default=1.0, show_default=True)
@click.option("--every", "every_s", default=60.0, show_default=True)
def main(minutes: float, rate_hz: float, epoch_s: float, every_s: float) -> None:
    """Record for a while and print what grows."""
    with TemporaryDirectory() as folder, SimulatedMachine(Path(folder) / "machine") as machine:
        os.environ.update(machine.environ)
        path = Path(folder) / "soak.arrow"
        looks = _record(path, minutes * 60, rate_hz, epoch_s, every_s)
        _print_growth(looks)
        run = read_run(path)
        click.echo(f"{run}; missed deadlines: {dict(run.recording.missed_deadlines)}")


def _record(
    path: Path, length_s: float, rate_hz: float, epoch_s: float, every_s: float
) -> list[Look]:
    looks: list[Look] = []
    began = time.monotonic()
    with effmeter.track(path, rate_hz=rate_hz) as run:
        pid = run.recorder_pid
        if pid is None:
            raise click.ClickException(f"nothing records: {run.recording_failure}")
        recorder, program = psutil.Process(pid), psutil.Process()
        for epoch in run.epochs(effmeter.MaxEpochs(10**9)):
            time.sleep(epoch_s)
            run.latest_energy()
            epoch.log(accuracy=0.5)
            at_s = time.monotonic() - began
            if at_s >= _SETTLES_S + len(looks) * every_s:
                size = path.stat().st_size
                looks.append(Look(at_s, Seen.of(recorder), Seen.of(program), size))
                click.echo(f"{at_s:.0f} s: recorder {looks[-1].recorder}")
                click.echo(f"      program {looks[-1].program}; file {format_bytes(size)}")
            if at_s >= length_s:
                break
    return looks


def _print_growth(looks: list[Look]) -> None:
    first, last = looks[len(looks) // 2], looks[-1]
    hours = (last.at_s - first.at_s) / 3600
    if hours <= 0:
        return
    for name, one, other in (
        ("recorder", first.recorder, last.recorder),
        ("program", first.program, last.program),
    ):
        grown_mib = (other.rss_bytes - one.rss_bytes) / 2**20 / hours
        cpu = (other.cpu_s - one.cpu_s) / (hours * 3600)
        click.echo(f"second half: {name} {grown_mib:+.2f} MiB/h, {cpu:.2%} of a processor")
    per_h = (last.file_bytes - first.file_bytes) / hours
    click.echo(f"second half: file {format_bytes(per_h)}/h, {format_bytes(24 * per_h)} a day")


if __name__ == "__main__":
    main()
