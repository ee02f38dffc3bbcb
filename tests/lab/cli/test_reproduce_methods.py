"""``effmeter reproduce s3`` and ``s4`` as a user calls them, over runs that are already there."""

import json
from pathlib import Path

import pytest

from effmeter.lab.studies.gradient_approximation.plan import SCALES as S4_SCALES
from effmeter.lab.studies.ssprop.plan import SCALES as S3_SCALES
from tests.lab.cli.test_reproduce import reproduce
from tests.lab.studies.method_runs import Given, written_study


def test_runs_that_are_recorded_give_the_tables_of_a_part(tmp_path: Path) -> None:
    scale = S4_SCALES["tiny"].restricted_to(["table-2"])
    given = {"max-gradient:schedule=cnn2": Given(0.95)}
    written_study(scale.variants, given, tmp_path / "done", seeds=(0, 1, 2))
    arguments = ("s4", "--part", "table-2", "--device", "cpu", "--out", "done")
    told = reproduce(*arguments, folder=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Table 2: two convolutions")
    assert "max, cnn2 - random, cnn2: +0.05000 not known" in told.stdout
    assert "completed earlier" in told.stderr
    as_json = json.loads(reproduce(*arguments, "--json", folder=tmp_path).stdout)
    assert [table["name"] for table in as_json["tables"]] == ["Table 2"]
    assert len(as_json["results"]) == 4
    assert len(as_json["runs"]) == 12
    assert as_json["figures"] == []


def test_the_data_of_a_figure_is_written_beside_the_runs(tmp_path: Path) -> None:
    scale = S3_SCALES["tiny"].restricted_to(["figure-4"])
    written_study(scale.variants, {}, tmp_path / "done", seeds=(0,))
    arguments = ("s3", "--part", "figure-4", "--seeds", "0", "--device", "cpu", "--out", "done")
    told = reproduce(*arguments, folder=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Account: operations of the backward pass")
    assert "figure's data: done/figures/figure-04-hyperparameter-search.csv" in told.stderr
    data = (tmp_path / "done" / "figures" / "figure-04-hyperparameter-search.csv").read_text()
    assert len(data.splitlines()) == 1 + 12


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["s3", "--part", "table-9"], 2, ["no part 'table-9'", "table-4"]),
        (["s3", "--scale", "small"], 2, ["mnist", "folder"]),
        (["s4", "--scale", "full"], 2, ["cifar10", "folder"]),
        (["s4", "--seeds", "x"], 2, ["--seeds"]),
        (["s4", "--device", "abacus"], 2, ["no device 'abacus'"]),
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
