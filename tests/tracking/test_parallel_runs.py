"""Runs of one process that overlap: each is a run with its own energy, and nothing is merged."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import effmeter
from effmeter.errors import EffmeterWarning
from effmeter.recorded.reading import read_runs
from effmeter.recorded.run import RecordedRun
from tests.recording import eventually, kill, let_pass, recorder_of
from tests.simulated.machine import SimulatedMachine


def by_name(runs: Path) -> dict[str, RecordedRun]:
    """Every run of every file, by its name."""
    return {run.name: run for run in read_runs(runs)}


def has_recorder(run: effmeter.Run) -> bool:
    """Whether its recorder has answered."""
    run.look_after()
    return run.recorder_pid is not None


CHANNELS = ("cpu0", "cpu1", "dram0")


def check_energies(machine: SimulatedMachine, *runs: RecordedRun) -> None:
    """The energy of each run is that of its own block: within twice its interval of 95 %."""
    slack_j = sum(machine.slack_j(channel) for channel in CHANNELS)
    for run in runs:
        energy = run.energy()
        assert energy is not None
        block_ns = run.begin_ns, run.end_ns
        truth_j = sum(machine.true_energy_j(channel, *block_ns) for channel in CHANNELS)
        assert abs(energy.value_j - truth_j) <= 2 * energy.half_width_j + slack_j


def test_threads_have_a_file_each_from_one_recorder_with_the_energy_of_their_own_block(
    machine: SimulatedMachine, runs: Path
) -> None:
    first_began = threading.Event()

    def train(name: str, seconds: float) -> tuple[int, Path | None]:
        if name != "T0":
            first_began.wait(20)
        with effmeter.track(name, labels={"name": name}) as run:
            first_began.set()
            for epoch in run.epochs(effmeter.MaxEpochs(1)):
                let_pass(seconds)
                epoch.log(accuracy=seconds)
            return recorder_of(run), run.path

    names, lengths_s = ("T0", "T1", "T2"), (0.6, 0.9, 1.2)
    with ThreadPoolExecutor(3) as pool:
        began = list(pool.map(train, names, lengths_s))
    assert len({pid for pid, _ in began}) == 1
    assert len({path for _, path in began}) == 3
    for name, seconds in zip(names, lengths_s, strict=True):
        recorded = by_name(runs)[name]
        assert (recorded.status, recorded.labels) == ("completed", {"name": name})
        assert [dict(epoch.metrics) for epoch in recorded.epochs] == [{"accuracy": seconds}]
        assert recorded.duration_s < seconds + 0.3
    check_energies(machine, *by_name(runs).values())


def test_tasks_have_their_own_status_and_energy_inside_the_run_around_them(
    machine: SimulatedMachine, runs: Path
) -> None:
    async def trial(number: int, seconds: float) -> None:
        with effmeter.track(f"B{number}", labels={"n": number}) as run:
            for epoch in run.epochs(effmeter.MaxEpochs(2)):
                await asyncio.sleep(seconds)
                epoch.log(accuracy=number)
                if number == 1:
                    raise ValueError

    async def study() -> None:
        with effmeter.track("study") as run:
            await asyncio.gather(trial(0, 0.4), trial(1, 0.2), return_exceptions=True)
            run.log(best=1.0)

    asyncio.run(study())
    (path,) = runs.iterdir()
    whole, *trials = read_runs(path)
    assert [str(run.detailed_status) for run in (whole, *trials)] == [
        "completed",
        "completed",
        "failed: ValueError",
    ]
    assert (whole.labels, [run.labels for run in trials]) == ({}, [{"n": 0}, {"n": 1}])
    assert {source.parent_run_id for run in trials for source in run.sources} == {whole.run_id}
    assert [len(run.epochs) for run in (whole, *trials)] == [0, 2, 1]
    assert whole.closing_metrics == {"best": 1.0}
    assert [dict(run.closing_metrics) for run in trials] == [{}, {}]
    check_energies(machine, whole, *trials)


def test_a_recorder_that_dies_gives_every_run_on_it_the_same_successor(
    machine: SimulatedMachine, runs: Path
) -> None:
    del machine

    def train(name: str) -> int:
        with effmeter.track(name) as run:
            both_began.wait()
            if name == "a":
                kill(recorder_of(run))
            both_began.wait()
            for epoch in run.epochs(effmeter.MaxEpochs(2)):
                let_pass(0.4)
                epoch.log(accuracy=0.5)
            both_began.wait()
            eventually(lambda: has_recorder(run), "the successor answers")
            return recorder_of(run)

    both_began = threading.Barrier(2, timeout=30)
    with (
        pytest.warns(EffmeterWarning, match="a successor continues"),
        ThreadPoolExecutor(2) as pool,
    ):
        successors = set(pool.map(train, "ab"))
    assert len(successors) == 1
    for name in "ab":
        recorded = by_name(runs)[name]
        assert len(list(runs.glob(f"{name}-*.2.arrow"))) == 1
        assert [len(epoch.metrics) for epoch in recorded.epochs] == [1, 1]
        assert recorded.status == "completed"


def test_a_run_inside_another_goes_on_with_the_successor_though_the_outer_one_sets_no_mark(
    machine: SimulatedMachine, runs: Path
) -> None:
    del machine

    def train() -> None:
        with effmeter.track("outer"), effmeter.track("inner") as inner:
            kill(recorder_of(inner))
            for epoch in inner.epochs(effmeter.MaxEpochs(2)):
                let_pass(0.3)
                epoch.log(accuracy=0.5)
            eventually(lambda: has_recorder(inner), "the successor answers")

    with pytest.warns(EffmeterWarning, match="the recorder died"):
        train()
    found = by_name(runs)
    assert [dict(epoch.metrics) for epoch in found["inner"].epochs] == [{"accuracy": 0.5}] * 2
    assert (found["outer"].status, found["inner"].status) == ("completed", "completed")


def test_a_forked_child_joins_the_run_of_the_thread_that_forked_it(
    machine: SimulatedMachine, runs: Path
) -> None:
    del machine

    def work() -> None:
        with effmeter.track("thread") as run:
            child = os.fork()
            if not child:
                with effmeter.track("child") as inner:
                    inner.log(loss=1.0)
                os._exit(0 if inner.path == run.path else 1)
            statuses.append(os.waitpid(child, 0)[1])

    statuses: list[int] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert statuses == [0]
    thread_run, child_run = read_runs(runs)
    assert [source.parent_run_id for source in child_run.sources] == [thread_run.run_id]
    assert dict(child_run.closing_metrics) == {"loss": 1.0}
    assert (thread_run.status, child_run.status) == ("completed", "completed")
