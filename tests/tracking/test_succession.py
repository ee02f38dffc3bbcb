"""A recorder that dies in mid-run, and the one that takes its place."""

import contextlib
import os
import threading
import warnings
from pathlib import Path

import pytest

import effmeter
from effmeter.errors import EffmeterWarning
from effmeter.recorded.reading import find_runs, read_run
from tests.recording import eventually, kill, let_pass, only_run, recorder_of, rows_of, sure_bounds
from tests.simulated.machine import SimulatedMachine


def _is_recording(runs: Path) -> bool:
    return any(path.stat().st_size > 0 for path in runs.glob("*.2.arrow"))


def _only_recorder_of(machine: SimulatedMachine) -> int:
    """The one recorder that reads this machine's sensors."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            records = b"effmeter.recorder" in (process / "cmdline").read_bytes()
            if records and str(machine.sysfs).encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    (recorder,) = found
    return recorder


def test_a_recorder_killed_in_mid_run_gets_a_successor_and_the_gap_is_in_the_run(
    machine: SimulatedMachine, runs: Path
) -> None:
    with effmeter.track("killed", rate_hz=50) as run:
        epochs = run.epochs(stop=effmeter.MaxEpochs(6))
        for epoch in epochs:
            let_pass(0.5)
            if epoch.number == 3:
                kill(recorder_of(run))
                with pytest.warns(EffmeterWarning, match="a successor continues") as warned:
                    epoch.log(accuracy=0.3)
                assert len(warned) == 1
            else:
                epoch.log(accuracy=epoch.number / 10)
    assert run.path is not None
    first, second = run.path, run.path.with_name(run.path.name.replace(".arrow", ".2.arrow"))
    recorded = read_run(first)
    assert recorded.paths == (first, second)
    assert recorded.status == "completed"
    assert rows_of(first) + rows_of(second) >= 3 * 25
    assert sum(part.row_count for part in recorded.recording.parts) == rows_of(first) + rows_of(
        second
    )
    assert [e.number for e in recorded.epochs] == [1, 2, 3, 4, 5, 6]
    assert [e.open for e in recorded.epochs] == [False] * 6
    (gap,) = [gap for gap in recorded.gaps if gap.channel is None]
    assert gap.end_ns > gap.begin_ns
    begin_ns, end_ns = recorded.epochs[0].begin_ns, recorded.epochs[-1].end_ns
    energy = sure_bounds(recorded, "cpu0", begin_ns, end_ns)
    truth_j = machine.true_energy_j("cpu0", begin_ns, end_ns)
    slack_j = machine.slack_j("cpu0")
    assert run.energy() is None
    assert energy.low_j - slack_j <= truth_j <= energy.high_j + slack_j


def test_a_second_successor_is_not_started_and_training_goes_on(
    machine: SimulatedMachine, runs: Path
) -> None:
    done = 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with effmeter.track("twice") as run:
            for epoch in run.epochs(stop=effmeter.MaxEpochs(4)):
                done += 1
                if epoch.number == 1:
                    kill(recorder_of(run))
                if epoch.number == 3:
                    eventually(lambda: _is_recording(runs), "the successor records")
                    kill(_only_recorder_of(machine))
                epoch.log(loss=1.0)
    assert done == 4
    assert [str(w.message) for w in warned if issubclass(w.category, EffmeterWarning)] == [
        "the recorder died: a successor continues, with a gap in between"
    ]
    assert len(list(runs.iterdir())) == 2


def test_marks_that_a_killed_recorder_had_not_written_reach_its_successor_once(
    machine: SimulatedMachine, runs: Path
) -> None:
    def train() -> None:
        with effmeter.track("unwritten") as run:
            for epoch in run.epochs(stop=effmeter.MaxEpochs(6)):
                let_pass(0.4)
                epoch.log(accuracy=epoch.number / 10)
                if epoch.number == 4:  # half a second after the last flush
                    kill(recorder_of(run))

    with pytest.warns(EffmeterWarning, match="a successor continues"):
        train()
    recorded = only_run(runs)
    assert [(e.number, e.open, dict(e.metrics)) for e in recorded.epochs] == [
        (n, False, {"accuracy": n / 10}) for n in range(1, 7)
    ]
    assert len(recorded.metrics) == 6
    ends = [e.end_ns for e in recorded.epochs]
    assert all(end_ns <= e.begin_ns for end_ns, e in zip(ends, recorded.epochs[1:], strict=False))


@pytest.mark.usefixtures("machine")
def test_where_no_successor_can_write_the_loop_goes_on(runs: Path) -> None:
    def train() -> int:
        with effmeter.track("alone") as run:
            assert run.path is not None
            run.path.with_name(f"{run.path.stem}.2.arrow").touch()
            for epoch in run.epochs(stop=effmeter.MaxEpochs(3)):
                if epoch.number == 1:
                    kill(recorder_of(run))
                epoch.log(loss=1.0)
        return len(run.epochs_done)

    with pytest.warns(EffmeterWarning, match="the recorder died"):
        assert train() == 3


# Where the simulated driver is starved for a moment the estimate counts, and the budget says so.
@pytest.mark.filterwarnings("ignore:the energy budget counts estimates")
@pytest.mark.usefixtures("machine")
def test_after_a_succession_an_old_energy_is_not_passed_off_as_the_runs() -> None:
    def train() -> effmeter.Run:
        with effmeter.track("stale") as run:
            stop = [effmeter.EnergyBudget("1 MJ"), effmeter.MaxEpochs(5)]
            for epoch in run.epochs(stop=stop):
                let_pass(0.1)
                if epoch.number == 3:
                    kill(recorder_of(run))
        return run

    with pytest.warns(EffmeterWarning, match="a successor continues"):
        run = train()
    assert str(run.stopped_by) == "max-epochs: 5"
    assert run.summary().energy is None
    assert "energy not known" in str(run.summary())


@pytest.mark.usefixtures("machine")
def test_threads_that_find_the_recorder_dead_together_start_one_successor(runs: Path) -> None:
    def train() -> effmeter.Run:
        with effmeter.track("threads") as run:
            kill(recorder_of(run))

            def work() -> None:
                for _ in range(200):
                    with run.span("s"):
                        run.log(loss=1.0)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return run

    with pytest.warns(EffmeterWarning, match="a successor continues") as warned:
        run = train()
    assert len(warned) == 1
    assert run.recording_failure is None
    recorded = only_run(runs)
    assert len(recorded.metrics) == len(recorded.spans) == 800


@pytest.mark.usefixtures("machine")
def test_a_recorder_killed_at_once_leaves_what_its_successor_recorded(runs: Path) -> None:
    def train() -> None:
        with effmeter.track("early") as run:
            os.truncate(run.path or "", 0)
            kill(recorder_of(run))
            for epoch in run.epochs(stop=effmeter.MaxEpochs(2)):
                let_pass(0.2)
                epoch.log(accuracy=0.5)
            os.truncate(run.path or "", 0)

    with pytest.warns(EffmeterWarning, match="a successor continues"):
        train()
    (path,) = find_runs(sorted(runs.iterdir()))
    recorded = read_run(path)
    assert "the beginning is lost" in recorded.warnings[0]
    assert [e.number for e in recorded.epochs] == [1, 2]
