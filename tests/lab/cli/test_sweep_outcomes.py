"""What the table of a grid's outcomes remarks on."""

import json

import pytest

from effmeter.lab.cli.sweep_outcomes import as_mapping, print_outcomes
from effmeter.lab.sweep import Cell, Ending, Outcome
from effmeter.lab.workloads import Recipe
from effmeter.report.formatting import json_text
from effmeter.status import COMPLETED, DetailedStatus, Status
from tests.schemas import assert_fits


@pytest.mark.parametrize(
    ("method", "active", "is_told"),
    [("ssprop", 0.0, True), ("ssprop", 1.0, False), ("dense", 0.0, False), (None, None, False)],
)
def test_a_method_that_left_out_nothing_is_told(
    method: str | None, active: float | None, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"accuracy": 0.5} | ({} if active is None else {"method_active": active})
    cell = Cell(Recipe("cnn2", method=method), Ending(1))
    print_outcomes([Outcome(cell, None, COMPLETED, 1, metrics=metrics)])
    assert ("inactive: skipped nothing" in capsys.readouterr().err) is is_told


def test_a_diverged_run_without_a_file_is_json_with_null() -> None:
    status = DetailedStatus(Status.DIVERGED, "loss is nan")
    outcome = Outcome(Cell(Recipe("cnn2"), Ending(1)), None, status, metrics={"loss": float("nan")})
    told = json.loads(json_text([as_mapping(outcome)]))
    assert_fits(told, "sweep")
    (run,) = told
    assert (run["file"], run["energy"], run["metrics"]) == (None, None, {"loss": None})
