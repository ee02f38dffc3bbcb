"""``effmeter reproduce``: the case study from runs that are already there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from effmeter.recorded.reading import find_runs
from tests.lab.studies.case_runs import case_runs


def reproduce(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    command = [sys.executable, "-m", "effmeter", "reproduce", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)


def test_a_grid_that_is_recorded_is_not_trained_again_and_gives_the_tables(
    tmp_path: Path,
) -> None:
    case_runs(tmp_path / "done")
    before = find_runs([tmp_path / "done"])
    told = reproduce("s1", "--device", "cpu", "--out", "done", folder=tmp_path)
    assert told.returncode == 0, told.stderr
    titles = [line.split(":")[0] for line in told.stdout.splitlines() if line.startswith("Table")]
    assert titles == [f"Table {number}" for number in range(3, 15)]
    assert "! digits, energy=500 J: what the most frugal run used" in told.stdout
    assert "bcnn-5-digits-seed-0: completed earlier" in told.stderr
    assert find_runs([tmp_path / "done"]) == before
    assert len(list((tmp_path / "done" / "figures").glob("figure-*.csv"))) == 4


def test_json_holds_tables_framework_and_published_figures(tmp_path: Path) -> None:
    case_runs(tmp_path / "done")
    arguments = ("s1", "--device", "cpu", "--out", "done", "--stop", "energy=3kJ", "--json")
    told = json.loads(reproduce(*arguments, folder=tmp_path).stdout)
    assert [table["name"] for table in told["tables"]][:2] == ["Table 3", "Table 4"]
    assert told["efficiency"]["criteria"]["energy"] == "energy=3kJ"
    assert len(told["runs"]) == 10
    assert {mean["dataset"] for mean in told["published"]["all"]["eq_3"]} == {"mnist"}
    assert all((tmp_path / path).is_file() for path in told["figures"])


def test_two_folders_of_runs_are_set_side_by_side(tmp_path: Path) -> None:
    case_runs(tmp_path / "a", host="alpha")
    case_runs(tmp_path / "b", host="beta")
    told = reproduce("s1", "--compare", "a", "b", folder=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Appendix A: digits, efficiency on two machines")
    assert "A: a, host alpha, sums cpu" in told.stdout
    as_json = json.loads(reproduce("s1", "--compare", "a", "b", "--json", folder=tmp_path).stdout)
    assert len(as_json["machines"]) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["s1", "--scale", "small"], 2, ["mnist", "folder"]),
        (["s1", "--seeds", "x"], 2, ["--seeds"]),
        (["s1", "--stop", "colour=red"], 2, ["'colour=red'"]),
        (["s1", "--device", "abacus"], 2, ["no device 'abacus'"]),
        (["s1", "--compare", ".", "."], 2, ["holds no run"]),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], status: int, words: list[str], tmp_path: Path
) -> None:
    told = reproduce(*arguments, folder=tmp_path)
    assert told.returncode == status, told.stderr
    assert told.stdout == ""
    (line,) = told.stderr.splitlines()
    for word in words:
        assert word in line
    assert not (tmp_path / "runs").exists()
