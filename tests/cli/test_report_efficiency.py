"""``effmeter report`` with the efficiency framework: over runs, and over tables."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter
from effmeter.lab.studies import training_efficiency as s1
from tests.analysis.labelled_runs import labelled_run

PUBLISHED = Path(s1.__file__).parent / "published_tables"
STOPS = ("--stop", "epochs=2", "--stop", "accuracy=0.85")


def report(*arguments: object) -> Result:
    return CliRunner().invoke(effmeter, ["report", *map(str, arguments)])


def told_of(*arguments: object) -> dict[str, Any]:
    result = report(*arguments, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert isinstance(told, dict)
    return told


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two architectures in two sizes and two seeds; one uses twice the power of the other."""
    for name, power_w in (("lenet", 50.0), ("bcnn", 100.0)):
        for size in (1, 2):
            for seed in (0, 1):
                labelled_run(
                    tmp_path / f"{name}-{size}-{seed}.arrow",
                    power_w=power_w + seed,
                    architecture=name,
                    dataset="digits",
                    size=size,
                    seed=seed,
                )
    return tmp_path


def test_runs_are_reported_one_by_one_and_then_as_a_whole(runs: Path) -> None:
    text = report(runs, "--details", *STOPS).stdout
    assert text.index("Eq 2: accuracy per kJ") < text.index("digits by epochs: epochs=2")
    assert "digits by accuracy: accuracy=0.85" in text
    assert "lenet: Eq 3" in text
    assert "Eq 4 over 2 criteria" in text
    assert "lenet > bcnn" in text


def test_without_being_asked_the_report_is_of_runs_alone(runs: Path) -> None:
    assert set(told_of(runs)) == {"runs", "total", "errors"}
    assert "Eq 3" not in report(runs).stdout


def test_json_holds_what_the_text_shows(runs: Path) -> None:
    told = told_of(runs, *STOPS)["efficiency"]
    assert told["criteria"] == {"epochs": "epochs=2", "accuracy": "accuracy=0.85"}
    assert len(told["observations"]) == 16
    means = {(m["architecture"], m["criterion"]): m for m in told["all"]["eq_3"]}
    eff = means["lenet", "epochs"]["efficiency_per_j"]
    assert eff["value"] == pytest.approx((0.8 / 100 + 0.8 / 102) / 2, rel=1e-4)
    assert eff["low"] < eff["value"] < eff["high"]
    assert eff["takes_in"] == ["energy", "seeds"]
    (first, *_) = told["all"]["architecture_ratios"]
    assert (first["one"], first["other"], first["verdict"]) == ("lenet", "bcnn", "distinguishable")
    assert first["ratio"]["value"] == pytest.approx(2, rel=0.02)
    assert [ranking["order"] for ranking in told["all"]["rankings"]] == [["lenet", "bcnn"]] * 3
    assert told["without_flagged"] is None


def test_labels_select_runs(runs: Path) -> None:
    told = told_of(runs, "--label", "architecture=lenet", "--label", "size=2.0", *STOPS)
    assert [run["name"] for run in told["runs"]] == ["lenet-2-0", "lenet-2-1"]
    assert {seen["size"] for seen in told["efficiency"]["observations"]} == {2.0}
    nothing = report(runs, "--label", "architecture=vgg")
    assert (nothing.exit_code, nothing.stdout) == (2, "")
    assert nothing.stderr == "effmeter: no run has the labels architecture=vgg\n"


def test_the_published_criteria_are_used_where_none_is_given(runs: Path) -> None:
    told = told_of(runs, "--efficiency")["efficiency"]
    assert list(told["criteria"]) == ["epochs", "accuracy", "patience", "energy"]
    reasons = {seen["criterion"]: seen["reason"] for seen in told["not_observed"]}
    assert reasons["epochs"] == "not met in 6 epochs"
    assert "no figure by epochs, accuracy, energy" in report(runs, "--efficiency").stdout


def test_power_samples_are_given_on_request_with_a_warning(runs: Path) -> None:
    result = report(runs, "--stop", "epochs=2", "--energy", "power-samples")
    assert "! power samples in place of energy: these sums grow with the sampling rate" in (
        result.stdout
    )
    assert "Eq 2 per 1e6 W" in result.stdout


def test_a_run_without_its_labels_is_a_mistake_of_usage(runs: Path) -> None:
    labelled_run(runs / "odd.arrow", architecture="lenet", dataset="digits")
    result = report(runs, *STOPS)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"effmeter: no label size: {runs}/odd.arrow: label runs")


def test_tables_are_put_through_the_framework(tmp_path: Path) -> None:
    tables = [f"--table={PUBLISHED / name}" for name in ("t3-epochs.csv", "t13-overtraining.csv")]
    told = told_of(*tables, "--energy-unit", "power-samples")
    means = {m["architecture"]: m["efficiency_per_j"] for m in told["tables"]["all"]["eq_3"]}
    assert round(means["lenet"]["value"] * 1e6, 2) == 8.09
    assert means["lenet"]["low"] is None
    kept = {m["architecture"]: m for m in told["tables"]["without_flagged"]["eq_3"]}
    assert kept["bcnn"]["without"] == ["size 1"]
    assert [verdict["overtrained"] for verdict in told["tables"]["overtraining"]].count(True) == 6
    text = report(*tables, "--energy-unit", "power-samples").stdout
    assert "! flagged:" in text
    assert "means, without what is flagged" in text
    assert "efficiency of a model overtrained from epoch 50 to 100" in text


def test_tables_stand_beside_ones_own_runs(runs: Path) -> None:
    table = PUBLISHED / "t5-patience.csv"
    told = told_of(runs, *STOPS, "--table", table, "--energy-unit", "power-samples")
    assert set(told) == {"runs", "total", "efficiency", "tables", "errors"}


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (
            ["--table", "none.csv"],
            1,
            "effmeter: none.csv cannot be read: No such file or directory",
        ),
        (
            ["--table", PUBLISHED / "t3-epochs.csv", "--energy-unit", "cal"],
            2,
            "'--energy-unit': 'cal' is not a unit of energy",
        ),
        (["--table", PUBLISHED / "t3-epochs.csv", "--efficiency"], 2, "--efficiency needs run"),
        (["--table", PUBLISHED / "t3-epochs.csv", "--metric", "f1"], 1, "has no column f1"),
        ([], 2, "Give run files or directories, or --table FILE."),
        (["x.arrow", "--label", "lenet"], 2, "'--label': 'lenet' is not NAME=VALUE, such"),
        (
            ["x.arrow", "--stop", "colour=3"],
            2,
            "'--stop': the name 'colour' does not say whether less or more of it is better",
        ),
        (["x.arrow", "--stop", "soon"], 2, "'--stop': 'soon' is not a stopping criterion"),
        (["x.arrow", "--energy", "cal"], 2, "'--energy': 'cal' is not one of"),
        (["x.arrow", "--output", "/"], 2, "'--output': File '/' is a directory"),
        (["--table", PUBLISHED / "t3-epochs.csv", "--net"], 2, "--net needs run files"),
        (["--table", PUBLISHED / "t3-epochs.csv", "--epochs"], 2, "--epochs needs run files"),
        (["--table", PUBLISHED / "t3-epochs.csv", "--label", "a=b"], 2, "--label needs run files"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    arguments: list[object], status: int, complaint: str
) -> None:
    result = report(*arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    (line,) = result.stderr.splitlines()
    assert complaint in line
