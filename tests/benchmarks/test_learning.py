"""``python -m benchmarks.learning``: its arithmetic, and that it trains and prints."""

import json
from pathlib import Path

import pytest

import effmeter
from benchmarks.learning import METHODS, Metrics, compare, main, outcome_of, table_of
from effmeter.methods.combined import Combined
from effmeter.methods.registry import parse_method


def runs(*accuracies: float, active: float = 1.0) -> list[Metrics]:
    return [
        {"accuracy": accuracy, "executed_fraction": 0.5, "method_active": active}
        for accuracy in accuracies
    ]


def test_the_difference_is_paired_over_seeds_with_students_interval() -> None:
    outcome = outcome_of("it", runs(0.93, 0.91, 0.95), runs(0.94, 0.94, 0.97))
    assert outcome.accuracy_percent == pytest.approx(93.0)
    assert outcome.difference_points == pytest.approx(-2.0)
    # Differences -1, -3, -2: standard error 1/sqrt(3), and t of 2 degrees of freedom is 4.3027.
    half = 4.3027 / 3**0.5
    assert outcome.interval_points == pytest.approx((-2.0 - half, -2.0 + half), abs=1e-3)


def test_a_shortfall_of_more_than_a_point_is_said() -> None:
    assert outcome_of("it", runs(0.90), runs(0.95)).finding == "falls short by 5.0 points"
    assert outcome_of("it", runs(0.945), runs(0.95)).finding == "within 1 point"


def test_a_method_that_did_nothing_is_not_called_harmless() -> None:
    assert outcome_of("it", runs(0.95, active=0.0), runs(0.95)).finding == "inactive"


def test_one_seed_gives_no_interval() -> None:
    assert outcome_of("it", runs(0.9), runs(0.9)).interval_points is None


def test_every_method_listed_is_known() -> None:
    for text in METHODS:
        names = [part.partition(":")[0] for part in text.split("+")]
        method = parse_method(text)
        parts = method.methods if isinstance(method, Combined) else [method]
        assert [part.name for part in parts] == names


@pytest.mark.slow
def test_recorded_runs_hold_what_is_compared(tmp_path: Path) -> None:
    outcomes = list(compare(["e2-train"], 1, 1, tmp_path, lambda _: None))
    assert table_of(outcomes).row_count == 2
    labels = sorted(str(effmeter.read_run(path).labels["method"]) for path in tmp_path.iterdir())
    assert labels == ["dense", "e2-train"]


def test_json_names_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    main(["gskip", "--epochs", "1", "--seeds", "1", "--json"])
    dense, gskip = json.loads(capsys.readouterr().out)
    assert dense["difference_points"] == 0.0
    assert gskip["finding"] == "inactive"
