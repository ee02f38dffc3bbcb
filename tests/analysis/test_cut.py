"""Where criteria cut a recording, and what a cut tells."""

import math
from pathlib import Path

import pytest

from effmeter.analysis.cut import Cut, CuttableRun, Uncut, cuttable_run
from effmeter.analysis.efficiency import efficiency_of
from effmeter.stopping import (
    Criterion,
    EnergyBudget,
    MaxEpochs,
    Patience,
    TargetMetric,
    parse_criterion,
)
from tests.analysis.labelled_runs import POWER_W, labelled_run


@pytest.fixture
def recorded(tmp_path: Path) -> CuttableRun:
    """Six epochs of 100 J; the accuracy is best at the third."""
    cuttable = cuttable_run(labelled_run(tmp_path / "run.arrow"))
    assert cuttable is not None
    return cuttable


@pytest.mark.parametrize(
    ("criterion", "epochs", "reason"),
    [
        (MaxEpochs(4), 4, "max-epochs: 4"),
        (TargetMetric("accuracy", 0.85), 3, "target-metric: accuracy 0.9"),
        (Patience("accuracy", 2), 5, "patience: accuracy for 2 epochs"),
        (EnergyBudget("250J"), 3, "energy-budget: 300 J used, 50.0 J over"),
        (EnergyBudget("250J", predict=True), 2, "energy-budget: the next epoch would need 100 J"),
        (TargetMetric("loss", 0.5, "min"), 2, "target-metric: loss 0.5"),
    ],
)
def test_a_criterion_cuts_where_it_would_have_stopped_the_loop(
    recorded: CuttableRun, criterion: Criterion, epochs: int, reason: str
) -> None:
    cut = recorded.cut(criterion)
    assert isinstance(cut, Cut)
    assert (cut.epochs, str(cut.reason)) == (epochs, reason)
    assert cut.point.energy.value_j == pytest.approx(epochs * POWER_W, rel=1e-6)


def test_the_efficiency_of_a_cut_is_eq_2_at_its_epoch(recorded: CuttableRun) -> None:
    cut = recorded.cut(MaxEpochs(3))
    judged = efficiency_of(recorded.run)
    assert isinstance(cut, Cut)
    assert judged is not None
    assert cut.point == judged.epochs[2]


def test_the_overshoot_of_a_budget_is_told(recorded: CuttableRun) -> None:
    over, under = (recorded.cut(EnergyBudget("250J", predict=predict)) for predict in (False, True))
    assert isinstance(over, Cut)
    assert isinstance(under, Cut)
    assert over.overshoot is not None
    assert under.overshoot is not None
    assert over.overshoot.value_j == pytest.approx(50, abs=0.1)
    assert over.overshoot.low_j <= 50 <= over.overshoot.high_j
    assert under.overshoot.value_j == pytest.approx(-50, abs=0.1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("epochs=7", "not met in 6 epochs"),
        ("accuracy=0.95", "not met in 6 epochs"),
        ("patience=3,armed_at=0.95", "not met in 6 epochs"),
        ("energy=1kJ", "not met in 6 epochs"),
        ("f1_score=0.5", "not met: no epoch logged f1_score"),
    ],
)
def test_a_criterion_never_met_gives_its_reason_and_no_figure(
    recorded: CuttableRun, text: str, reason: str
) -> None:
    assert recorded.cut(parse_criterion(text)) == Uncut(reason)


def test_a_run_that_failed_says_so_where_a_criterion_is_not_met(tmp_path: Path) -> None:
    cuttable = cuttable_run(
        labelled_run(tmp_path / "run.arrow", [0.5], status="failed: OutOfMemory")
    )
    assert cuttable is not None
    assert cuttable.cut(MaxEpochs(2)) == Uncut("not met in 1 epoch (failed: OutOfMemory)")


@pytest.mark.parametrize("epochs", [3, 9])
def test_a_run_that_diverged_has_no_figure_from_there_on(tmp_path: Path, epochs: int) -> None:
    run = labelled_run(tmp_path / "run.arrow", losses={3: math.nan})
    cuttable = cuttable_run(run)
    assert cuttable is not None
    assert cuttable.cut(MaxEpochs(epochs)) == Uncut("diverged: loss is nan at epoch 3")
    assert isinstance(cuttable.cut(MaxEpochs(2)), Cut)


def test_a_run_without_an_epoch_cannot_be_cut(tmp_path: Path) -> None:
    assert cuttable_run(labelled_run(tmp_path / "run.arrow", [])) is None
