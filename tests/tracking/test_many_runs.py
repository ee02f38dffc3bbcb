"""Many runs of one process, eight at once: each has its file, and nothing of them stays behind."""

import gc
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

import effmeter
from effmeter.recorded.reading import read_run
from effmeter.recorder.disposal import IDLE_S
from tests.recording import eventually, recorder_of
from tests.simulated.machine import SimulatedMachine

AT_ONCE = 8
MANY = pytest.param(1000, marks=pytest.mark.slow)


class Held(NamedTuple):
    """What a process holds that its runs could leave behind."""

    descriptors: int
    threads: int

    @classmethod
    def by(cls, pid: int) -> "Held":
        process = psutil.Process(pid)
        return cls(process.num_fds(), process.num_threads())


def at_rest(pid: int) -> Held:
    """What a process holds once that no longer changes: a recorder lets go a moment later.

    Its thread that closes files ends when it has had none for ``IDLE_S``.
    """
    seen = [(time.monotonic(), Held.by(pid))]

    def has_settled() -> bool:
        now_s, held = time.monotonic(), Held.by(pid)
        if held != seen[-1][1]:
            seen.append((now_s, held))
        return now_s - seen[-1][0] > 1.5 * IDLE_S

    eventually(has_settled, "it comes to rest")
    return seen[-1][1]


def memory_bytes(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def record(name: str, number: int) -> None:
    with effmeter.track(name, labels={"n": number}) as run:
        for epoch in run.epochs(effmeter.MaxEpochs(2)):
            epoch.log(accuracy=number)


def record_all(name: str, count: int) -> None:
    """All of them, in a pool of threads that have no run in common."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(record, [f"{name}-{n}" for n in range(count)], range(count)))


def check(runs: Path, count: int) -> None:
    """Each run is alone in its file, and whole."""
    found = {run.name: run for run in map(read_run, runs.glob("run-*.arrow"))}
    assert len(found) == count
    for number in range(count):
        run = found[f"run-{number}"]
        assert (run.status, run.labels) == ("completed", {"n": number})
        assert [dict(epoch.metrics) for epoch in run.epochs] == [{"accuracy": number}] * 2


def check_nothing_stays(count: int, recorder: int) -> None:
    """Record, and compare with what this process and the recorder held before."""
    pids, environ = (os.getpid(), recorder), dict(os.environ)
    record_all("warm", 2 * AT_ONCE)  # what is made once for all: caches, threads
    gc.collect()
    held, memory = [at_rest(pid) for pid in pids], [memory_bytes(pid) for pid in pids]
    objects = len(gc.get_objects())
    record_all("run", count)
    gc.collect()
    assert dict(os.environ) == environ
    assert len(gc.get_objects()) - objects < 2000 + count
    for pid, before in zip(pids, held, strict=True):
        after = at_rest(pid)
        assert after.descriptors <= before.descriptors
        assert after.threads <= before.threads
    for pid, used_bytes in zip(pids, memory, strict=True):
        assert memory_bytes(pid) - used_bytes < 16 * 2**20 + 16 * 2**10 * count


@pytest.fixture
def directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where private recorders make their directories."""
    made = tmp_path / "t"
    made.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(made))
    return made


@pytest.mark.parametrize("count", [16, MANY])
def test_runs_on_a_private_recorder_leave_nothing_behind(
    machine: SimulatedMachine, runs: Path, directories: Path, count: int
) -> None:
    del machine
    recorders: list[int] = []
    began, done = threading.Event(), threading.Event()

    def hold() -> None:
        """A run that keeps the recorder; in a thread, so that the others are not inside it."""
        with effmeter.track("held", recorder="private") as run:
            recorders.append(recorder_of(run))
            began.set()
            done.wait(600)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert began.wait(20)
        check_nothing_stays(count, *recorders)
    finally:
        done.set()
        holder.join()
    check(runs, count)
    eventually(lambda: not list(directories.glob("effmeter-*")), "no directory stays")


@pytest.mark.parametrize("count", [16, MANY])
def test_runs_on_a_shared_recorder_leave_nothing_behind(
    machine: SimulatedMachine,
    runs: Path,
    tmp_path: Path,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "s"
    command = [sys.executable, "-m", "effmeter", "daemon", "run", "--socket", str(place)]
    with subprocess.Popen(command, env=machine.environ, stderr=subprocess.DEVNULL) as daemon:
        try:
            eventually(place.exists, "the daemon listens")
            monkeypatch.setenv("EFFMETER_SOCKET", str(place))
            check_nothing_stays(count, daemon.pid)
        finally:
            daemon.terminate()
    check(runs, count)
