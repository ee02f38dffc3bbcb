"""A loop that a criterion stops ends where the criterion cuts a longer recording."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import effmeter
from effmeter.analysis.cut import Cut, cuttable_run
from effmeter.reason import StopKind
from effmeter.recorded.reading import read_run
from effmeter.stopping import Criterion, EnergyBudget, parse_criterion
from effmeter.tracking import Run
from tests.recording import let_pass
from tests.simulated.machine import SimulatedMachine
from tests.simulated.powercap import dram, package
from tests.simulated.waveforms import constant

ACCURACIES = (0.5, 0.7, 0.9, 0.88, 0.87, 0.86)
EPOCH_S = 0.5
SHORT_EPOCH_S = 0.02
POWER_W = 60.0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedMachine]:
    """A processor and its memory at constant power, both measured."""
    zones = [package(0, constant(POWER_W)), dram(0, constant(5.0))]
    folder = tmp_path_factory.mktemp("machine")
    with SimulatedMachine(folder, zones) as simulated, pytest.MonkeyPatch.context() as patch:
        for name, value in simulated.environ.items():
            patch.setenv(name, value)
        yield simulated


@pytest.fixture(scope="module")
def longest(machine: SimulatedMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of all epochs, for criteria to cut."""
    path = tmp_path_factory.mktemp("runs") / "longest.arrow"
    with effmeter.track(path) as run:
        train(run, effmeter.MaxEpochs(len(ACCURACIES)), SHORT_EPOCH_S)
    return path


def late_j(machine: SimulatedMachine) -> float:
    """What the lateness of the simulated sensors can have moved both ends of a window by."""
    return 2 * machine.driver.lateness_s() * (POWER_W + 5.0)


def train(run: Run, stop: Criterion, epoch_s: float) -> None:
    """Epochs until a criterion says stop, at most as many as there are accuracies."""
    for epoch in run.epochs(stop=[stop, effmeter.MaxEpochs(len(ACCURACIES))]):
        let_pass(epoch_s)
        epoch.log(accuracy=ACCURACIES[epoch.number - 1])


def cut_of(path: Path, criterion: Criterion) -> Cut:
    cuttable = cuttable_run(read_run(path))
    assert cuttable is not None
    cut = cuttable.cut(criterion)
    assert isinstance(cut, Cut), cut
    return cut


@pytest.mark.parametrize(
    ("text", "epochs"),
    [("epochs=4", 4), ("accuracy=0.85", 3), ("patience=2", 5), ("patience=2,armed_at=0.8", 5)],
)
def test_stopping_live_gives_the_cut_of_a_longer_recording(
    longest: Path, tmp_path: Path, text: str, epochs: int
) -> None:
    criterion = parse_criterion(text)
    with effmeter.track(tmp_path / "live.arrow") as live:
        train(live, criterion, SHORT_EPOCH_S)
    stopped = cut_of(tmp_path / "live.arrow", criterion)
    cut = cut_of(longest, criterion)
    assert len(live.epochs_done) == stopped.epochs == cut.epochs == epochs
    assert stopped.point.metric_value == cut.point.metric_value
    assert stopped.reason == cut.reason == live.stopped_by


@pytest.mark.parametrize("predict", [False, True])
def test_a_budget_stops_a_loop_where_it_cuts_the_recording_that_goes_on(
    machine: SimulatedMachine, tmp_path: Path, predict: bool
) -> None:
    budget_j = 80.0
    criterion = EnergyBudget(f"{budget_j} J", predict=predict)
    with effmeter.track(tmp_path / "run.arrow") as run:
        train(run, criterion, EPOCH_S)
        stopped_after, overshoot = len(run.epochs_done), run.overshoot
        train(run, effmeter.MaxEpochs(len(ACCURACIES) - stopped_after), EPOCH_S)
    cut = cut_of(tmp_path / "run.arrow", criterion)
    assert len(run.epochs_done) == len(ACCURACIES)
    assert stopped_after < len(ACCURACIES)
    assert overshoot is not None
    assert cut.overshoot is not None
    slack_j = late_j(machine)
    if cut.epochs == stopped_after:
        assert overshoot.value_j == pytest.approx(
            cut.overshoot.value_j, abs=0.1 * budget_j + slack_j
        )
        return
    # The two may differ only where the energy that decided is uncertain by more than its
    # distance from the budget: on a busy machine an epoch ends late, and sensors are read late.
    first, epochs = min((cut.overshoot, cut.epochs), (overshoot, stopped_after), key=lambda f: f[1])
    share = 1 + 1 / epochs if predict else 1.0  # a prediction adds one more epoch
    least_j, most_j = (share * (budget_j + end_j) for end_j in (first.low_j, first.high_j))
    assert least_j - slack_j <= budget_j <= most_j + slack_j


def test_a_budget_checked_each_step_tells_how_far_it_was_overshot(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    budget = EnergyBudget("20J")
    with effmeter.track(tmp_path / "steps.arrow") as run:
        for epoch in run.epochs(stop=budget):
            for _ in range(10_000):
                let_pass(0.01)
                if run.step():
                    break
            let_pass(0.2)
            epoch.log(accuracy=0.5)
    assert run.stopped_by is not None
    assert run.stopped_by.kind is StopKind.ENERGY_BUDGET
    assert run.overshoot is not None
    assert run.overshoot.value_j >= 0.2 * POWER_W / 2
    assert run.summary().overshoot == run.overshoot
    assert f"stopped by {run.stopped_by}" in str(run.summary())
    notes = read_run(tmp_path / "steps.arrow").notes
    (note,) = [note for note in notes if note.name == "overshoot"]
    assert note.value == pytest.approx(run.overshoot.value_j)
    assert note.text.endswith("J over the budget")
    recorded = cut_of(tmp_path / "steps.arrow", budget)
    assert recorded.epochs == 1
    assert recorded.overshoot is not None
    slack_j = 1 + late_j(machine)
    low_j, high_j = recorded.overshoot.low_j - slack_j, recorded.overshoot.high_j + slack_j
    assert low_j <= run.overshoot.value_j <= high_j


def test_an_epoch_that_would_not_fit_leaves_some_of_the_budget(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    with effmeter.track(tmp_path / "predicted.arrow") as run:
        train(run, EnergyBudget("50J", predict=True), EPOCH_S)
    assert run.overshoot is not None
    assert -50 < run.overshoot.value_j < 0
    notes = {note.name: note.text for note in read_run(tmp_path / "predicted.arrow").notes}
    assert notes["overshoot"].endswith("J below the budget")


def test_a_loop_that_something_else_ends_has_no_overshoot(
    machine: SimulatedMachine, tmp_path: Path
) -> None:
    with effmeter.track(tmp_path / "ended.arrow") as run:
        train(run, EnergyBudget("1MJ"), 0.01)
    assert str(run.stopped_by) == "max-epochs: 6"
    assert run.overshoot is None
