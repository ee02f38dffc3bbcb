"""What goes wrong around a loop, and that the loop goes on all the same."""

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import effmeter
from effmeter.clock import now_ns
from effmeter.errors import EffmeterWarning, MeasurementError
from effmeter.reason import StopKind
from effmeter.recorded.reading import read_run
from effmeter.wire.protocol import PROTOCOL_VERSION, encode
from tests.recording import (
    eventually,
    is_running,
    let_pass,
    only_run,
    recorder_of,
    rows_of,
    start_program,
)
from tests.simulated.machine import SimulatedMachine

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small tmpfs")


def process_state(pid: int) -> str:
    """R running, S sleeping, T stopped, Z gone but not yet buried."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


WITH_A_FORKED_WORKER = """
    import os, sys, time
    import effmeter
    with effmeter.track("killed", rate_hz=50) as run:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        for epoch in run.epochs():
            epoch.log(loss=1.0)
            if epoch.number == 3:
                time.sleep(2.2)
                print(run.recorder_pid, flush=True)
                time.sleep(60)
"""


def test_a_killed_program_leaves_an_interrupted_run_though_its_forked_worker_lives(
    machine: SimulatedMachine, runs: Path
) -> None:
    import polars as pl

    program = start_program(WITH_A_FORKED_WORKER, machine.environ | {"EFFMETER_RUNS": str(runs)})
    assert program.stdout is not None
    recorder = int(program.stdout.readline())
    workers = [int(w) for w in _children(program.pid)]
    program.kill()
    try:
        # The worker lives longer than this waits: its hang-up cannot have ended the recorder.
        eventually(lambda: not is_running(recorder), "the private recorder ends")
        assert all(is_running(worker) for worker in workers)
        assert len(workers) == 1
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        program.communicate()
    recorded = only_run(runs)
    assert recorded.status == "interrupted"
    assert [e.number for e in recorded.epochs] == [1, 2, 3]
    assert [e.open for e in recorded.epochs] == [False, False, True]
    assert pl.read_ipc(recorded.paths[0]).height >= 50


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_recorder_and_its_program_killed_together_leave_every_flushed_row(
    machine: SimulatedMachine, runs: Path
) -> None:
    program = start_program(WITH_A_FORKED_WORKER, machine.environ | {"EFFMETER_RUNS": str(runs)})
    assert program.stdout is not None
    recorder = int(program.stdout.readline())
    (worker,) = _children(program.pid)
    for pid in (recorder, program.pid, int(worker)):
        os.kill(pid, signal.SIGKILL)
    program.communicate()
    eventually(lambda: only_run(runs).status == "interrupted", "the lock is gone")
    recorded = only_run(runs)
    assert recorded.recording.parts[0].row_count == rows_of(recorded.paths[0]) >= 3 * 50


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@needs_root
@pytest.mark.usefixtures("machine")
def test_on_a_full_disk_the_file_ends_at_its_last_whole_batch_and_training_goes_on(
    small_disk: Path,
) -> None:
    (small_disk / "other").write_bytes(b"x" * 220_000)
    room_bytes = shutil.disk_usage(small_disk).free
    path = small_disk / "run.arrow"

    def train() -> int:
        with effmeter.track(path, rate_hz=1000) as run:
            for _ in run.epochs(stop=effmeter.MaxEpochs(20)):
                let_pass(0.2)
        return len(run.epochs_done)

    with pytest.warns(EffmeterWarning, match=os.strerror(errno.ENOSPC)) as warned:
        epochs = train()
    assert (len(warned), epochs) == (1, 20)
    recorded = read_run(path)
    assert recorded.status == "interrupted"
    assert recorded.recording.parts[0].row_count == rows_of(path) > 100
    assert path.stat().st_size > room_bytes / 2


@pytest.mark.usefixtures("machine")
def test_workers_forked_from_a_tracked_loop_do_not_hang_and_mark_nothing(runs: Path) -> None:
    with effmeter.track("forking") as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
            worker = os.fork()
            if worker == 0:
                with contextlib.suppress(BaseException), run.span("in the worker"):
                    epoch.log(loss=9.0)
                    run.energy()
                    run.end()
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 7
            epoch.log(loss=1.0)
    recorded = only_run(runs)
    assert recorded.status == "completed"
    assert recorded.spans == ()
    assert [m.value for m in recorded.metrics] == [1.0, 1.0]


@pytest.mark.usefixtures("machine")
def test_marks_never_wait_for_a_recorder_that_has_stopped_reading_and_drops_are_counted(
    runs: Path,
) -> None:
    marks = 40_000
    with effmeter.track("stopped") as run:
        recorder = recorder_of(run)
        os.kill(recorder, signal.SIGSTOP)
        for number in range(marks):
            run.log(loss=float(number))
        assert process_state(recorder) == "T", "the recorder was to be stopped all the while"
        os.kill(recorder, signal.SIGCONT)
    recorded = only_run(runs)
    assert recorded.dropped_marks > 0
    assert len(recorded.metrics) + recorded.dropped_marks == marks


def test_a_budget_that_can_no_longer_be_measured_ends_the_loop_with_that_status(
    machine: SimulatedMachine, runs: Path
) -> None:
    with effmeter.track("blind") as run:
        for epoch in run.epochs(stop=effmeter.EnergyBudget("1 MJ")):
            if epoch.number == 2:
                for channel in ("cpu0", "cpu1", "dram0"):
                    machine.driver.fail(channel)
            let_pass(0.3)
            assert epoch.number < 10
    assert str(run.stopped_by) == "budget-unmeasurable"
    assert [n.text for n in only_run(runs).notes if n.name == "stop"] == ["budget-unmeasurable"]


def test_a_budget_that_can_no_longer_be_measured_leaves_the_loop_to_what_else_bounds_it(
    machine: SimulatedMachine,
) -> None:
    with effmeter.track("bounded") as run:
        stop = [effmeter.EnergyBudget("1 MJ"), effmeter.MaxEpochs(4)]
        for epoch in run.epochs(stop=stop):
            if epoch.number == 2:
                machine.driver.fail("cpu0")
            let_pass(0.2)
    assert str(run.stopped_by) == "max-epochs: 4"


def test_a_budget_over_a_machine_that_measures_nothing_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SimulatedMachine(tmp_path / "machine") as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EFFMETER_RUNS", str(tmp_path))
        pci = machine.sysfs / "bus/pci/devices/0000:01:00.0"
        pci.mkdir(parents=True)
        (pci / "vendor").write_text("0x10de\n")
        (pci / "class").write_text("0x030200\n")
        with effmeter.track("gpu") as run:
            with pytest.raises(MeasurementError, match="leave out the gpu"):
                run.epochs(stop=effmeter.EnergyBudget("1 kJ"))
            accepted = effmeter.EnergyBudget("1 mJ", accept_missing=True)
            assert len(list(run.epochs(stop=accepted))) == 1


@pytest.mark.usefixtures("machine")
def test_a_metric_that_becomes_nan_ends_the_loop_with_that_status() -> None:
    with effmeter.track("nan") as run:
        for epoch in run.epochs(stop=effmeter.TargetMetric("accuracy", 0.9)):
            epoch.log(accuracy=float("nan") if epoch.number == 3 else 0.1)
            assert epoch.number <= 3
    assert str(run.stopped_by) == "metric-not-a-number: accuracy"


@pytest.mark.usefixtures("machine")
def test_a_budget_checked_at_every_step_ends_the_epoch(runs: Path) -> None:
    with effmeter.track("stepping") as run:
        for _ in run.epochs(stop=effmeter.EnergyBudget("60 J")):
            while not run.step():
                let_pass(0.01)
    assert run.stopped_by is not None
    assert run.stopped_by.kind is StopKind.ENERGY_BUDGET
    assert [e.open for e in only_run(runs).epochs] == [False]


def test_without_any_recorder_the_loop_runs_unmeasured_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")

    def train() -> effmeter.Run:
        with effmeter.track("unmeasured", directory=tmp_path) as run:
            for epoch in run.epochs(stop=effmeter.MaxEpochs(3)):
                epoch.log(accuracy=0.5)
                assert run.energy() is None
        return run

    with pytest.warns(EffmeterWarning, match="cannot be started.*not measured") as warned:
        run = train()
    assert len(warned) == 1
    assert run.path is None
    assert [e.metrics for e in run.epochs_done] == [{"accuracy": 0.5}] * 3
    assert not list(tmp_path.iterdir())


def test_warnings_made_errors_do_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with effmeter.track("strict", directory=tmp_path) as run:
            pass
    assert run.status == "completed"


def test_a_shared_recorder_that_stalls_is_left_with_a_file_of_its_own(
    machine: SimulatedMachine, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(machine.environ["XDG_RUNTIME_DIR"]) / "stalling"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen()

    def greet_and_stall() -> None:
        client, _ = listener.accept()
        client.recv(4096)
        hello = {
            "op": "hello",
            "version": PROTOCOL_VERSION,
            "time_ns": now_ns(),
            "mode": "shared",
            "pid": 1,
        }
        client.sendall(encode(hello))
        _, taken, _, _ = socket.recv_fds(client, 65536, 1)
        held.extend(taken)
        released.wait(30)
        client.close()

    held: list[int] = []
    released = threading.Event()
    stalling = threading.Thread(target=greet_and_stall)
    stalling.start()
    monkeypatch.setenv("EFFMETER_SOCKET", str(place))

    def train() -> None:
        with effmeter.track("stalled") as run:
            run.log(loss=1.0)

    with pytest.warns(EffmeterWarning, match="a private recorder is used instead"):
        train()
    (descriptor,) = held
    os.write(descriptor, b"much later")
    os.close(descriptor)
    released.set()
    stalling.join()
    listener.close()
    recorded = only_run(runs)
    assert (recorded.status, len(recorded.metrics)) == ("completed", 1)
