"""``python -m benchmarks.attacks [NAME ...]``: what hostile users cost a root daemon's others.

A daemon serves a group as root on a simulated machine. A good client of root's records at 100 Hz
and asks for its energy while a user attacks that is in the group by its supplementary groups alone.
Needs root, to act as another user.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import psutil

from benchmarks.programs.attack import ATTACKS
from benchmarks.surroundings import ROOT, Surroundings, simulated_machine
from effmeter.client.connection import Connection, connect
from effmeter.clock import now_ns
from effmeter.errors import RecorderError
from effmeter.recorded.reading import read_run

GROUP_GID = 54_321
MEMBER_UID = 54_322
GOOD_PERIOD_MS = 10.0
BETWEEN_S = 0.1
MIB = 2**20
_SERVE = (
    "import sys; from pathlib import Path; from effmeter.recorder.shared import serve_shared; "
    "from effmeter.recorder.policy import ServicePolicy; path = Path(sys.argv[1]); "
    f"serve_shared(path, ServicePolicy('shared', 0, {GROUP_GID}, 10.0, str(path)))"
)
_BEGIN = {
    "op": "begin",
    "name": "good",
    "labels": {},
    "host": "h",
    "program": {},
    "id": 1,
    "run_id": "good",
    "part": 1,
    "rate_hz": 1e3 / GOOD_PERIOD_MS,
    "versions": {},
}
_END = {"op": "end", "status": "completed", "final": True, "dropped_marks": 0}


@dataclass
class Seen:
    """What the good client and root see during an attack."""

    asks_ms: list[float] = field(default_factory=list)
    statuses_ms: list[float] = field(default_factory=list)
    rss_mib: float = 0.0
    late_ms: float = float("nan")
    last_ms: float = float("nan")

    def line(self, name: str) -> str:
        """The figures of one attack."""
        asks = f"{np.median(self.asks_ms):7.1f} {max(self.asks_ms):7.1f}"
        return (
            f"{name:28} {self.late_ms:8.1f} {asks} {max(self.statuses_ms):9.1f} "
            f"{self.last_ms:8.0f} {self.rss_mib:8.0f}"
        )


@contextlib.contextmanager
def daemon(place: Surroundings, path: Path) -> Iterator[psutil.Process]:
    """The daemon, once it greets."""
    command = [sys.executable, "-c", _SERVE, str(path)]
    with subprocess.Popen(command, env=dict(place.environ), cwd=ROOT) as process:
        try:
            _await_greeting(path)
            yield psutil.Process(process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)


def _await_greeting(path: Path) -> None:
    for _ in range(300):
        with contextlib.suppress(RecorderError):
            connect(path).close()
            return
        time.sleep(0.1)
    raise SystemExit("the daemon does not come up")


def attack(place: Surroundings, name: str, seconds: float) -> Seen:
    """One attack on a fresh daemon."""
    folder = place.folder / "attack"
    folder.mkdir(mode=0o755)
    os.chmod(place.folder, 0o755)
    theirs = folder / "member"
    theirs.mkdir()
    os.chown(theirs, MEMBER_UID, MEMBER_UID)
    path, run_file = folder / "d.sock", folder / "good.arrow"
    seen = Seen()
    with daemon(place, path) as process:
        good = connect(path)
        with run_file.open("w+b") as file:
            good.send_descriptor(_BEGIN, file.fileno())
        good.expect("begun", 10.0)
        time.sleep(1.0)
        attacker = _start_attacker(name, path, theirs, seconds)
        try:
            _look(good, path, process, seen, seconds)
        finally:
            attacker.kill()
            attacker.wait()
        good.send({**_END, "time_ns": now_ns()})
        good.expect("ended", 20.0)
        good.close()
    seen.late_ms = lateness_ms(run_file)
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    return seen


def _start_attacker(name: str, path: Path, folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.programs.attack", name, str(path), str(folder)]
    return subprocess.Popen(
        [*command, str(seconds)],
        cwd=ROOT,
        user=MEMBER_UID,
        group=MEMBER_UID,
        extra_groups=[GROUP_GID],
    )


def _look(
    good: Connection, path: Path, process: psutil.Process, seen: Seen, seconds: float
) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        began_s = time.perf_counter()
        answer = good.ask_total(5.0)
        seen.asks_ms.append((time.perf_counter() - began_s) * 1e3 if answer else 5e3)
        seen.statuses_ms.append(_status_ms(path))
        seen.rss_mib = max(seen.rss_mib, process.memory_info().rss / MIB)
        time.sleep(BETWEEN_S)
    seen.last_ms = _status_ms(path)


def _status_ms(path: Path) -> float:
    """How long root waits for the daemon's status."""
    began_s = time.perf_counter()
    with contextlib.suppress(RecorderError):
        status = connect(path)
        status.send({"op": "status"})
        status.expect("status", 5.0)
        status.close()
    return (time.perf_counter() - began_s) * 1e3


def lateness_ms(run_file: Path) -> float:
    """How late the first reading of the processor follows each deadline: the 99th percentile."""
    samples = read_run(run_file).samples("cpu0")
    if samples is None:
        return float("nan")
    times_ms = samples.times_ns * 1e-6
    counts, edges = np.histogram(times_ms % GOOD_PERIOD_MS, 1000, (0, GOOD_PERIOD_MS))
    phase = edges[int(np.argmax(counts))]
    first = np.ceil((times_ms[0] - phase) / GOOD_PERIOD_MS) * GOOD_PERIOD_MS + phase
    grid = np.arange(first, times_ms[-1] - GOOD_PERIOD_MS, GOOD_PERIOD_MS)
    places = np.minimum(np.searchsorted(times_ms, grid - 0.05), len(times_ms) - 1)
    return float(np.quantile(times_ms[places] - grid, 0.99))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(sorted(ATTACKS)))
@click.option("--seconds", default=8.0, show_default=True, help="How long each attack lasts.")
def main(names: Sequence[str], seconds: float) -> None:
    """Attack a root daemon as a member of its group, and print what others notice."""
    if os.getuid() != 0:
        raise click.ClickException("only root can act as another user: run it with sudo")
    click.echo(
        f"{'attack':28} {'late p99':>8} {'ask p50':>7} {'max':>7} {'status max':>9} "
        f"{'last':>8} {'RSS MiB':>8}   (ms)"
    )
    for name in names or ATTACKS:
        with simulated_machine() as place:
            click.echo(attack(place, name, seconds).line(name))


if __name__ == "__main__":
    main()
