"""The grid: which trainings it holds, and that each is recorded in a file of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.errors import RunFileError, UsageError
from effmeter.grid import EpochDone, RecordedRun, plan, record
from effmeter.recorder.places import RECORDING_VARIABLE
from effmeter.stopping import Criterion, EnergyBudget, MaxEpochs, TargetMetric
from effmeter.store.reader import read_run
from effmeter.tracking import track
from tests.simulated.machine import SimulatedMachine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMachine]:
    """Two RAPL packages and a memory zone; the recorders that this process starts see them."""
    with SimulatedMachine(tmp_path / "machine") as machine:
        for name, value in machine.environ.items():
            monkeypatch.setenv(name, value)
        yield machine


def recorded(directory: Path, seeds: tuple[int, ...] = (0,)) -> list[RecordedRun]:
    """One epoch of the smallest LeNet for each seed."""
    cells = plan(["lenet"], [1], seeds)
    return list(record(cells, [MaxEpochs(1)], directory, lambda _: None, "cpu"))


def test_a_plan_holds_every_size_with_every_seed_in_order() -> None:
    cells = plan(["lenet"], [2, 1], [0, 7])
    assert [(cell.size, cell.seed) for cell in cells] == [(2, 0), (2, 7), (1, 0), (1, 7)]
    assert [cell.name for cell in cells][:2] == ["lenet-2-seed-0", "lenet-2-seed-7"]


def test_an_unknown_workload_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no workload 'resnet'; there is: lenet"):
        plan(["resnet"], [1], [0])


@pytest.mark.parametrize("size", [0, 6])
def test_a_size_that_the_workload_has_not_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match=f"lenet has sizes 1 to 5, not {size}"):
        plan(["lenet"], [1, size], [0])


def test_a_seed_too_large_for_a_generator_is_refused() -> None:
    with pytest.raises(UsageError, match="a seed is a whole number from 0"):
        plan(["lenet"], [1], [2**32])


def test_each_training_is_a_run_of_its_own_with_its_labels(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    first, second = recorded(tmp_path / "runs", seeds=(0, 1))
    assert first.summary.path is not None
    assert second.summary.path is not None
    assert sorted((tmp_path / "runs").iterdir()) == sorted(
        [first.summary.path, second.summary.path]
    )
    run = read_run(second.summary.path)
    assert run.status == "completed"
    assert run.labels == {"architecture": "lenet", "size": 1, "seed": 1, "dataset": "digits"}
    (epoch,) = run.lead_epochs
    assert epoch.metrics.keys() == {"loss", "train_accuracy", "accuracy"}
    assert epoch.metrics == second.summary.metrics


def test_the_energy_of_a_training_is_measured_by_the_machines_sensors(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    (run,) = recorded(tmp_path / "runs")
    energy = run.summary.energy
    assert energy is not None
    assert set(energy.cover) == {"cpu0", "cpu1", "dram0"}
    assert energy.estimated == ()
    assert energy.total.value_j > 0


def test_epochs_are_reported_as_they_end(machine: SimulatedMachine, tmp_path: Path) -> None:
    seen: list[EpochDone] = []
    runs = record(plan(["lenet"], [1], [0]), [MaxEpochs(2)], tmp_path, seen.append, "cpu")
    (run,) = runs
    first, second = seen
    assert (first.number, second.number) == (1, 2)
    assert first.cell == run.cell
    assert second.metrics == run.summary.metrics
    assert first.energy is not None
    assert second.energy is not None
    assert first.energy.total.value_j < second.energy.total.value_j


def test_a_run_ends_at_the_criterion_met_first(machine: SimulatedMachine, tmp_path: Path) -> None:
    stop: list[Criterion] = [MaxEpochs(3), EnergyBudget("10 J"), TargetMetric("accuracy", 1.5)]
    (run,) = record(plan(["lenet"], [1], [0]), stop, tmp_path, lambda _: None, "cpu")
    assert run.summary.epochs == 1
    assert run.summary.stopped_by is not None
    assert run.summary.stopped_by.startswith("energy-budget")


def test_inside_a_recording_each_training_still_has_its_own_file(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    with track("surrounding", directory=tmp_path / "outer") as surrounding:
        assert os.environ[RECORDING_VARIABLE]
        (run,) = recorded(tmp_path / "runs")
    assert run.summary.path is not None
    assert run.summary.path != surrounding.path
    assert run.summary.path.parent == tmp_path / "runs"


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    occupied = tmp_path / "a-file"
    occupied.touch()
    with pytest.raises(RunFileError, match="a-file"):
        recorded(occupied / "runs")


def test_a_device_that_the_machine_has_not_is_refused(tmp_path: Path) -> None:
    cells = plan(["lenet"], [1], [0])
    with pytest.raises(UsageError, match="no device 'abacus'"):
        list(record(cells, [MaxEpochs(1)], tmp_path, lambda _: None, "abacus"))
