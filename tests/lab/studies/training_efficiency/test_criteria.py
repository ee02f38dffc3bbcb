"""How the criteria of the case study are set."""

from pathlib import Path

import pytest

from effmeter.errors import MeasurementError, UsageError
from effmeter.lab.studies.training_efficiency.criteria import choose_criteria, replaced_criteria
from effmeter.stopping import EnergyBudget, TargetMetric
from tests.lab.studies.case_runs import case_cells, recorded_cell


def test_a_published_target_is_kept(tmp_path: Path) -> None:
    runs = [recorded_cell(cell, tmp_path) for cell in case_cells()[:1]]
    chosen = choose_criteria("cifar10", runs, [], "train_accuracy=0.5")
    assert chosen.criteria["accuracy"] == TargetMetric("train_accuracy", 0.5)
    assert "cifar10, train_accuracy=0.5: as in the paper's tables" in chosen.rules


def test_budget_and_target_are_shares_of_what_the_runs_did(tmp_path: Path) -> None:
    runs = [recorded_cell(cell, tmp_path) for cell in case_cells()[:1]]
    chosen = choose_criteria("digits", runs, [], None)
    assert chosen.criteria["energy"] == EnergyBudget("500 J")
    assert chosen.criteria["accuracy"] == TargetMetric("accuracy", 0.93)
    assert list(chosen.criteria) == ["epochs", "patience", "energy", "accuracy"]


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    runs = [recorded_cell(cell, tmp_path) for cell in case_cells()[:1]]
    chosen = choose_criteria("digits", runs, ["patience=5", "accuracy=0.5"], "accuracy=0.97")
    words = [criterion.describe() for criterion in chosen.criteria.values()]
    assert words == ["epochs=50", "patience=accuracy:5", "energy=500 J", "accuracy=0.5"]


@pytest.mark.parametrize(
    ("epochs", "status"), [(3, "diverged: loss"), (60, "interrupted"), (49, "completed")]
)
def test_a_run_that_did_not_complete_fifty_epochs_sets_neither_budget_nor_target(
    epochs: int, status: str, tmp_path: Path
) -> None:
    whole, other = case_cells()[:2]
    runs = [recorded_cell(whole, tmp_path)]
    alone = choose_criteria("digits", runs, [], None)
    runs.append(recorded_cell(other, tmp_path, epochs=epochs, status=status))
    assert choose_criteria("digits", runs, [], None) == alone
    with pytest.raises(MeasurementError, match="no completed run on digits of 50 epochs"):
        choose_criteria("digits", runs[1:], [], None)
    with pytest.raises(MeasurementError, match="no run on digits completed 50 epochs"):
        choose_criteria("digits", runs[1:], ["energy=1kJ"], None)


def test_without_any_energy_no_budget_is_made_up() -> None:
    with pytest.raises(MeasurementError, match="no completed run on digits of 50 epochs shows an"):
        choose_criteria("digits", [], [], None)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["colour=red"], "'colour=red'"),
        (["loss=0.1"], "'loss=0.1' is none of the study's criteria: epochs, patience"),
        (["energy=1kJ", "energy=2kJ"], "are both the criterion energy"),
    ],
)
def test_what_replaces_none_of_the_four_is_refused(given: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        replaced_criteria(given)
