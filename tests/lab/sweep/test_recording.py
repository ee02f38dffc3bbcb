"""Recording a grid: a file for each training, and what happens to those that go wrong."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from effmeter.errors import EffmeterError, RunFileError, UsageError
from effmeter.lab.sweep import Cell, Ending, EpochDone, Outcome, find_device, record_cells
from effmeter.lab.workloads import Recipe
from effmeter.reason import StopKind
from effmeter.recorded.reading import read_run
from effmeter.status import Status
from effmeter.tracking import track
from effmeter.wire.paths import RECORDING_VARIABLE
from tests.lab.sweep.conftest import own_machine
from tests.lab.sweep.tiny import cells
from tests.recording import let_pass
from tests.simulated.machine import SimulatedMachine

pytestmark = pytest.mark.untimed


def recorded(grid: Sequence[Cell], directory: Path, *, fresh: bool = False) -> list[Outcome]:
    return list(record_cells(grid, find_device("cpu"), directory, lambda _: None, fresh=fresh))


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Outcome]:
    """A small training with two seeds, recorded in a folder of their own."""
    folder = tmp_path_factory.mktemp("two-seeds")
    with own_machine(folder):
        return recorded(cells("tiny", seeds=(0, 1)), folder / "runs")


class Unlucky(NamedTuple):
    """A grid of trainings that go wrong, each in its way, but for the last of them."""

    wrong: Sequence[Outcome]
    last: Outcome

    def outcome(self, is_wanted: Callable[[Recipe], bool]) -> Outcome:
        (outcome,) = (outcome for outcome in self.wrong if is_wanted(outcome.cell.recipe))
        return outcome


@pytest.fixture(scope="module")
def unlucky(tmp_path_factory: pytest.TempPathFactory) -> Unlucky:
    """The grid, recorded once."""
    ill_fitting = [
        Cell(Recipe("tiny", device="cpu", options=(("shifts", 0),), method=method), Ending(1))
        for method in ("ssprop", "random-skipping:level=step,executed_fractions=0.1")
    ]
    failing = cells(
        "diverging",
        "too-large",
        "too-large-in-training",
        "faulty-when-built",
        "faulty-in-training",
        sizes=[2],
    )
    folder = tmp_path_factory.mktemp("unlucky")
    with own_machine(folder):
        *wrong, last = recorded([*failing, *ill_fitting, *cells("tiny")], folder / "runs")
    return Unlucky(wrong, last)


def copied(outcome: Outcome, folder: Path) -> Path:
    """A copy of the directory in which a training was recorded, for a test to record into."""
    assert outcome.path is not None
    return shutil.copytree(outcome.path.parent, folder / "runs")


def place_in(directory: Path, outcome: Outcome) -> Path:
    """Where the file of a recorded training lies in such a copy."""
    assert outcome.path is not None
    return directory / outcome.path.name


def test_each_training_is_a_run_of_its_own_with_its_labels(
    two_seeds: Sequence[Outcome],
) -> None:
    first, second = two_seeds
    assert first.path is not None
    assert second.path is not None
    assert sorted(first.path.parent.iterdir()) == sorted([first.path, second.path])
    run = read_run(second.path)
    assert run.status == "completed"
    assert run.labels == second.cell.labels
    assert run.labels == {
        "architecture": "tiny",
        "size": 1,
        "seed": 1,
        "dataset": "digits",
        "batch_size": 256,
        "device": "cpu",
        "stop": "epochs<=1",
        "shifts": 0,
    }
    (epoch,) = run.lead_epochs
    assert epoch.metrics.keys() == {"loss", "train_accuracy", "accuracy"}
    assert epoch.metrics == second.metrics
    assert second.is_complete


@pytest.mark.slow
def test_what_is_measured_after_the_training_is_no_part_of_its_epochs(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    options = (("side", "8"), ("shifts", 0), ("steps", 2), ("generated", 4))
    recipe = Recipe("ddpm", device="cpu", metrics=("error", "fid"), options=options)
    (outcome,) = recorded([Cell(recipe, Ending(1))], tmp_path)
    assert outcome.path is not None
    run = read_run(outcome.path)
    assert run.closing_metrics.keys() == {"fid"}
    assert outcome.metrics is not None
    assert outcome.metrics["fid"] == run.closing_metrics["fid"]
    (epoch,) = run.lead_epochs
    assert epoch.metrics.keys() == {"loss", "train_error", "error"}
    (span,) = run.spans
    assert span.name == "closing-metrics"
    assert epoch.end_ns <= span.begin_ns


def test_the_energy_of_a_training_is_measured_by_the_machines_sensors(
    two_seeds: Sequence[Outcome],
) -> None:
    energy = two_seeds[0].energy
    assert energy is not None
    assert energy.total is not None
    assert set(energy.cover.names) == {"cpu0", "cpu1", "dram0"}
    assert energy.cover.estimated == ()
    assert energy.total.value_j > 0


def test_epochs_are_told_as_they_end(machine: SimulatedMachine, tmp_path: Path) -> None:
    seen: list[EpochDone] = []
    grid = cells("tiny", ending=Ending(2))
    (outcome,) = record_cells(grid, find_device("cpu"), tmp_path, seen.append)
    first, second = seen
    assert (first.number, second.number) == (1, 2)
    assert first.cell == outcome.cell
    assert first.duration_s < second.duration_s
    assert second.metrics == outcome.metrics


def test_the_energy_so_far_is_told_without_waiting_for_it(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    told: list[float] = []

    def see(epoch: EpochDone) -> None:
        let_pass(0.2)
        if epoch.energy is not None:
            told.append(epoch.energy.total.value_j)

    grid = cells("tiny", ending=Ending(6))
    list(record_cells(grid, find_device("cpu"), tmp_path, see))
    assert len(told) > 1
    assert told == sorted(told)
    assert told[0] < told[-1]


def test_a_run_ends_at_the_criterion_met_first(machine: SimulatedMachine, tmp_path: Path) -> None:
    ending = Ending.parse(["energy=1mJ", "accuracy=1.5"], epochs=3)
    (outcome,) = recorded(cells("tiny", ending=ending), tmp_path / "runs")
    assert outcome.epochs == 1
    assert outcome.stopped_by is not None
    assert outcome.stopped_by.kind is StopKind.ENERGY_BUDGET
    assert outcome.unmet == ()


def test_a_run_goes_on_until_all_criteria_have_been_met(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    ending = Ending.parse(["energy=1mJ", "epochs=3"], "all", 5)
    (outcome,) = recorded(cells("tiny", ending=ending), tmp_path / "runs")
    assert (outcome.epochs, outcome.unmet) == (3, ())


def test_a_criterion_never_met_is_said_and_the_run_is_complete(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    ending = Ending.parse(["energy=1mJ", "accuracy=1.5"], "all", 2)
    (outcome,) = recorded(cells("tiny", ending=ending), tmp_path / "runs")
    assert (outcome.epochs, outcome.unmet, outcome.is_complete) == (2, ("accuracy=1.5",), True)


def test_inside_a_recording_each_training_still_has_its_own_file(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    with track("surrounding", directory=tmp_path / "outer") as surrounding:
        assert os.environ[RECORDING_VARIABLE]
        (outcome,) = recorded(cells("tiny"), tmp_path / "runs")
    assert outcome.path is not None
    assert outcome.path != surrounding.path
    assert outcome.path.parent == tmp_path / "runs"


@pytest.mark.parametrize(
    ("workload", "status"),
    [
        ("diverging", "diverged: the loss of epoch 1 is nan"),
        ("too-large", "out of memory: a layer of 1 TB"),
        (
            "too-large-in-training",
            "out of memory: CUDA out of memory. Tried to allocate 80 GiB",
        ),
    ],
)
def test_a_training_that_goes_wrong_says_so_and_the_next_one_begins(
    workload: str, status: str, unlucky: Unlucky
) -> None:
    wrong = unlucky.outcome(lambda recipe: recipe.architecture == workload)
    assert (str(wrong.status), wrong.is_complete) == (status, False)
    assert unlucky.last.is_complete
    assert wrong.path is not None
    run = read_run(wrong.path)
    assert (str(run.detailed_status), run.labels) == (status, wrong.cell.labels)


def test_a_fold_without_a_class_says_so_and_does_not_stop_the_grid(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    first, second, *_ = cells("tiny", folds=1000)
    outcomes = recorded([first, second, *cells("tiny")], tmp_path / "runs")
    assert [outcome.is_complete for outcome in outcomes] == [False, False, True]
    assert outcomes[0].status.status is Status.FAILED
    assert "class" in outcomes[0].status.detail


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("ssprop", "the model has no two-dimensional convolution to work on"),
        ("random-skipping:level=step,executed_fractions=0.1", "skipping at level step leaves"),
    ],
)
def test_a_method_that_does_not_fit_its_model_does_not_stop_the_grid(
    method: str, words: str, unlucky: Unlucky
) -> None:
    wrong = unlucky.outcome(lambda recipe: recipe.method == method)
    assert str(wrong.status).startswith(f"failed: {words}")
    assert wrong.path is not None
    assert read_run(wrong.path).detailed_status == wrong.status
    assert unlucky.last.is_complete


@pytest.mark.parametrize(
    ("workload", "status", "line"),
    [
        (
            "faulty-when-built",
            "crashed: ValueError: not enough values to unpack (expected 2, got 1)",
            "in faulty_when_built",
        ),
        (
            "faulty-in-training",
            "crashed: ValueError: Expected input batch_size (32) to match target batch_size (64)",
            "in bug",
        ),
    ],
)
def test_a_bug_leaves_its_traceback_in_the_run_and_the_next_training_begins(
    workload: str, status: str, line: str, unlucky: Unlucky
) -> None:
    crashed = unlucky.outcome(lambda recipe: recipe.architecture == workload)
    assert unlucky.last.is_complete
    assert (str(crashed.status), crashed.is_complete, crashed.is_settled) == (status, False, False)
    assert crashed.path is not None
    run = read_run(crashed.path)
    assert str(run.detailed_status) == status
    (traceback,) = (note.text for note in run.notes if note.name == "user:traceback")
    assert traceback.startswith("Traceback (most recent call last):")
    assert line in traceback
    assert traceback.strip().endswith(status.removeprefix("crashed: "))
    assert crashed.traceback == traceback


def test_what_is_complete_is_not_repeated(
    machine: SimulatedMachine, two_seeds: Sequence[Outcome], tmp_path: Path
) -> None:
    first, _ = two_seeds
    directory = copied(first, tmp_path)
    again, new = recorded(cells("tiny", seeds=(0, 2)), directory)
    assert (again.path, again.earlier) == (place_in(directory, first), True)
    assert again.metrics == first.metrics
    assert not new.earlier


def test_other_settings_are_another_training(
    machine: SimulatedMachine, two_seeds: Sequence[Outcome], tmp_path: Path
) -> None:
    directory = copied(two_seeds[0], tmp_path)
    (other,) = recorded(cells("tiny", ending=Ending(2)), directory)
    assert not other.earlier


def test_what_diverged_is_not_tried_again(
    machine: SimulatedMachine, unlucky: Unlucky, tmp_path: Path
) -> None:
    first = unlucky.outcome(lambda recipe: recipe.architecture == "diverging")
    (again,) = recorded([first.cell], copied(first, tmp_path))
    assert again.earlier
    assert not again.is_complete


def test_what_did_not_fit_is_tried_again_and_its_file_set_aside(
    machine: SimulatedMachine, unlucky: Unlucky, tmp_path: Path
) -> None:
    first = unlucky.outcome(lambda recipe: recipe.architecture == "too-large")
    directory = copied(first, tmp_path)
    (again,) = recorded([first.cell], directory)
    assert not again.earlier
    place = place_in(directory, first)
    assert not place.exists()
    assert read_run(directory / "set-aside" / place.name).detailed_status == first.status


def test_fresh_repeats_what_is_complete(
    machine: SimulatedMachine, two_seeds: Sequence[Outcome], tmp_path: Path
) -> None:
    first, _ = two_seeds
    directory = copied(first, tmp_path)
    place_in(directory, two_seeds[1]).unlink()
    (again,) = recorded(cells("tiny"), directory, fresh=True)
    assert not again.earlier
    assert again.path != place_in(directory, first)
    assert list(directory.glob("*.arrow")) == [again.path]


def test_an_interrupt_leaves_its_run_readable_and_the_next_call_goes_on(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    def interrupt(epoch: EpochDone) -> None:
        if epoch.cell.recipe.seed == 1:
            raise KeyboardInterrupt

    grid = cells("tiny", seeds=(0, 1, 2))
    with pytest.raises(KeyboardInterrupt):
        list(record_cells(grid, find_device("cpu"), tmp_path, interrupt))
    statuses = {read_run(path).labels["seed"]: read_run(path) for path in tmp_path.glob("*.arrow")}
    assert {seed: run.status for seed, run in statuses.items()} == {
        0: "completed",
        1: "interrupted",
    }
    outcomes = recorded(grid, tmp_path)
    assert [outcome.earlier for outcome in outcomes] == [True, False, False]
    assert all(outcome.is_complete for outcome in outcomes)


def test_an_error_of_the_display_is_no_failure_of_the_training(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    def faulty(epoch: EpochDone) -> None:
        raise KeyError("a fault")

    with pytest.raises(KeyError, match="a fault"):
        list(record_cells(cells("tiny"), find_device("cpu"), tmp_path, faulty))


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    occupied = tmp_path / "a-file"
    occupied.touch()
    with pytest.raises(RunFileError, match="a-file"):
        recorded(cells("tiny"), occupied / "runs")


def test_a_device_that_the_machine_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="no device 'abacus'"):
        find_device("abacus")


def test_on_a_device_in_use_nothing_is_recorded(machine: SimulatedMachine, tmp_path: Path) -> None:
    runs = record_cells(
        cells("tiny", seeds=(0, 1)), find_device("cpu"), tmp_path / "a", lambda _: None
    )
    next(runs)
    with pytest.raises(EffmeterError, match=f"cpu is in use .*process {os.getpid()}.*--wait"):
        recorded(cells("tiny"), tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert next(runs).is_complete


def test_a_method_is_told_how_many_epochs_there_will_be(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    recipe = Recipe(
        "cnn2",
        device="cpu",
        options=(("width", 4), ("shifts", 0)),
        method="ssprop:drop=0.75,schedule=bar",
    )
    (outcome,) = recorded([Cell(recipe, Ending(2))], tmp_path)
    assert outcome.path is not None
    first, second = read_run(outcome.path).lead_epochs
    assert first.metrics["executed_fraction"] == 1.0
    assert second.metrics["executed_fraction"] < 0.8
    assert (first.metrics["method_active"], second.metrics["method_active"]) == (0.0, 1.0)
