"""Helpers for tests that record for real on the simulated machine."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

import effmeter
from effmeter.clock import now_ns
from effmeter.energy import Energy
from effmeter.energy.counter_trace import CounterTrace
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun

PATIENCE_S = 20.0


def let_pass(seconds: float) -> None:
    """A stretch of a training loop, by the run clock; it leaves the processor to other tests."""
    until_ns = now_ns() + int(seconds * 1e9)
    while (left_ns := until_ns - now_ns()) > 0:
        time.sleep(left_ns * 1e-9)


def busy(seconds: float) -> None:
    """The same, with work for a processor."""
    until_ns = now_ns() + int(seconds * 1e9)
    while now_ns() < until_ns:
        sum(range(500))


def is_listened_at(path: Path) -> bool:
    """Whether a recorder takes connections at a socket: it exists a moment before."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except OSError:
            return False
    return True


def eventually(happened: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> float:
    """Wait for something that must happen; how long it took (s)."""
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < within_s, f"not within {within_s} s: {what}"
        time.sleep(0.01)
    return time.monotonic() - began


def start_program(source: str, environ: Mapping[str, str]) -> "subprocess.Popen[str]":
    """A Python program of its own, started as a user would."""
    return _start(["-c", textwrap.dedent(source)], environ)


def start_script(path: Path, environ: Mapping[str, str]) -> "subprocess.Popen[str]":
    """The same from a file."""
    return _start([str(path)], environ)


def _start(arguments: Sequence[str], environ: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_program(source: str, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """The same, to its end."""
    program = start_program(source, environ)
    out, err = program.communicate(timeout=60)
    return subprocess.CompletedProcess([], program.returncode, out, err)


def only_run(folder: Path) -> RecordedRun:
    """The one run recorded in a folder."""
    files = [path for path in folder.glob("*.arrow") if not path.name.endswith(".2.arrow")]
    assert len(files) == 1, sorted(folder.iterdir())
    return read_run(files[0])


def sure_bounds(run: RecordedRun, channel: str, begin_ns: int, end_ns: int) -> Energy:
    """A counter's energy with the bounds that always hold; the interval holds in 95 % of cases."""
    trace = run.trace(channel)
    assert isinstance(trace, CounterTrace)
    energy = trace.bounds(begin_ns, end_ns)
    assert energy is not None
    return energy


def longest_unread_s(run: RecordedRun, channel: str) -> float:
    """The longest time between two readings, which a busy machine stretches."""
    samples = run.samples(channel)
    assert samples is not None
    return float(np.diff(samples.times_ns).max()) * 1e-9


def is_running(pid: int) -> bool:
    """Whether any thread of a process is still there: the first may be gone before the last."""
    states = []
    for stat in Path("/proc").glob(f"{pid}/task/*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            states.append(stat.read_text().rsplit(")", 1)[1].split()[0])
    return any(state not in "ZX" for state in states)


def children_of(pid: int) -> list[int]:
    """The living children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def recorder_of(run: effmeter.Run) -> int:
    """The process that records a run."""
    pid = run.recorder_pid
    assert pid is not None, run.recording_failure
    return pid


def kill(pid: int) -> None:
    """SIGKILL, seen through to the end of its last thread."""
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_running(pid), "it dies")


def rows_of(path: Path) -> int:
    """Rows of whole batches in a run file, with or without its footer."""
    stream = pa.ipc.open_stream(pa.py_buffer(path.read_bytes()[8:]))
    count = 0
    with contextlib.suppress(OSError, pa.ArrowInvalid, StopIteration):
        while True:
            count += stream.read_next_batch().num_rows
    return count
