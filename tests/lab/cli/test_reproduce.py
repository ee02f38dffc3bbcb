"""``effmeter reproduce``: studies from runs that are already there."""

import json

import pytest

from effmeter.lab.studies.catalogue import STUDIES
from effmeter.lab.studies.gradient_approximation.study import SCALES as GRADIENT_SCALES
from effmeter.lab.studies.ssprop.study import SCALES as SSPROP_SCALES
from effmeter.recorded.reading import find_runs
from tests.lab.command_line import CommandLine, assert_one_line
from tests.lab.studies.case_runs import case_runs
from tests.lab.studies.method_runs import Given, written_study
from tests.schemas import assert_fits


def test_recorded_runs_are_not_trained_again_and_give_the_tables(call: CommandLine) -> None:
    done = call.folder / "done"
    case_runs(done)
    before = find_runs([done])
    result = call("reproduce", "training-efficiency", "--device", "cpu", "--output", "done")
    assert result.exit_code == 0, result.stderr
    titles = [line.split(":")[0] for line in result.stdout.splitlines() if line[:5] == "Table"]
    assert titles == [f"Table {number}" for number in range(3, 15)]
    assert "! digits, energy=500 J: what the most frugal run used" in result.stdout
    assert "bcnn-5-digits-seed-0: completed earlier" in result.stderr
    assert find_runs([done]) == before
    assert len(list((done / "figures").glob("figure-*.csv"))) == 4


def test_json_holds_tables_framework_and_published_figures(call: CommandLine) -> None:
    case_runs(call.folder / "done")
    arguments = ("--device", "cpu", "-o", "done", "--stop", "energy=3kJ", "--json")
    told = json.loads(call("reproduce", "training-efficiency", *arguments).stdout)
    assert_fits(told, "reproduce")
    assert (told["study"], told["scale"]) == ("training-efficiency", "tiny")
    assert [table["name"] for table in told["tables"]][:2] == ["Table 3", "Table 4"]
    assert told["efficiency"]["criteria"]["energy"] == "energy=3kJ"
    assert len(told["runs"]) == 10
    assert {mean["dataset"] for mean in told["published"]["all"]["eq_3"]} == {"mnist"}
    assert all((call.folder / path).is_file() for path in told["figures"])


@pytest.mark.slow
def test_two_folders_of_runs_are_set_side_by_side(call: CommandLine) -> None:
    case_runs(call.folder / "a", host="alpha")
    case_runs(call.folder / "b", host="beta")
    compare = ("reproduce", "training-efficiency", "--compare", "a", "b")
    result = call(*compare)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Appendix A: digits, efficiency on two machines")
    assert "A: a, host alpha, sums cpu" in result.stdout
    as_json = json.loads(call(*compare, "--json").stdout)
    assert_fits(as_json, "reproduce")
    assert len(as_json["machines"]) == 2


def test_runs_that_are_recorded_give_the_tables_of_a_part(call: CommandLine) -> None:
    scale = GRADIENT_SCALES["tiny"].restricted_to(["table-2"])
    given = {"max-gradient:schedule=cnn2": Given(0.95)}
    written_study(scale.variants, given, call.folder / "done", seeds=(0, 1, 2))
    part = ("--part", "table-2", "--device", "cpu", "--output", "done")
    result = call("reproduce", "gradient-approximation", *part)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Table 2: two convolutions")
    assert "max, cnn2 - random, cnn2: +0.05000 not known" in result.stdout
    assert "completed earlier" in result.stderr
    as_json = json.loads(call("reproduce", "gradient-approximation", *part, "--json").stdout)
    assert_fits(as_json, "reproduce")
    assert [table["name"] for table in as_json["tables"]] == ["Table 2"]
    assert len(as_json["results"]) == 4
    assert len(as_json["runs"]) == 12
    assert as_json["figures"] == []


@pytest.mark.slow
def test_the_data_of_a_figure_is_written_beside_the_runs(call: CommandLine) -> None:
    scale = SSPROP_SCALES["tiny"].restricted_to(["figure-4"])
    written_study(scale.variants, {}, call.folder / "done", seeds=(0,))
    arguments = ("--part", "figure-4", "--seeds", "0", "--device", "cpu", "--output", "done")
    result = call("reproduce", "ssprop", *arguments)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Account: operations of the backward pass")
    data = call.folder / "done" / "figures" / "figure-04-hyperparameter-search.csv"
    assert "figure (data): done/figures/figure-04-hyperparameter-search.csv" in result.stderr
    assert len(data.read_text().splitlines()) == 1 + 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["training-efficiency", "--scale", "small"], ["mnist", "folder"]),
        (["training-efficiency", "--seeds", "x"], ["--seeds"]),
        (["training-efficiency", "--stop", "colour=red"], ["--stop", "'colour=red'"]),
        (["training-efficiency", "--stop", "f1=0.5"], ["'f1=0.5'", "criteria: epochs"]),
        (["training-efficiency", "--scale", "huge"], ["--scale", "'huge' is not one of"]),
        (["training-efficiency", "--output", __file__], ["--output", "is a file"]),
        (["training-efficiency", "--compare", "a", "b"], ["--compare", "'a' does not exist"]),
        (
            ["training-efficiency", "--scale", "small", "--data-dir", "nowhere"],
            ["--data-dir", "'nowhere' does not exist"],
        ),
        (["training-efficiency", "--device", "abacus"], ["--device", "no device 'abacus'"]),
        (["training-efficiency", "--compare", ".", "."], ["holds no run"]),
        (["training-efficiency", "--part", "table-3"], ["No such option", "--part"]),
        (["ssprop", "--part", "table-9"], ["no part 'table-9'", "table-4"]),
        (["ssprop", "--scale", "small"], ["mnist", "folder"]),
        (["gradient-approximation", "--scale", "full"], ["cifar10", "folder"]),
        (["gradient-approximation", "--seeds", "x"], ["--seeds"]),
        (["gradient-approximation", "--device", "abacus"], ["--device", "no device 'abacus'"]),
        (["teacher-student", "--students", "1"], ["--students takes 2 or more, not 1"]),
        (["teacher-student", "--trials", "0"], ["--trials takes 1 or more, not 0"]),
        (["teacher-student", "--iterations", "5"], ["--iterations takes 20 or more, not 5"]),
        (["ssprob"], ["No such command 'ssprob'", "Did you mean 'ssprop'?"]),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], words: list[str], call: CommandLine) -> None:
    assert_one_line(call("reproduce", *arguments), 2, *words)
    assert not (call.folder / "runs").exists()


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_each_study_has_three_scales_that_its_help_describes(
    study: "object", call: CommandLine
) -> None:
    assert study in STUDIES
    name = getattr(study, "name", "")
    text = " ".join(call("reproduce", name, "--help").stdout.split())
    for scale in ("tiny", "small", "full"):
        assert f"{scale}: " in text
