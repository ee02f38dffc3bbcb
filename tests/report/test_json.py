"""The JSON of reports against its schema and against the analysis."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from effmeter.cli import effmeter
from effmeter.recorded.reading import read_run
from effmeter.runfile.format import Event
from tests.analysis.labelled_runs import labelled_run
from tests.recorded.job_files import Host
from tests.report.runs import write_plain, write_spans, write_troubled
from tests.runfile.writing import RunFile
from tests.schemas import assert_fits


def report(*arguments: object) -> Any:
    result = CliRunner().invoke(effmeter, ["report", "--json", *map(str, arguments)])
    told = json.loads(result.stdout)
    assert_fits(told, "report")
    return told


def test_ordinary_and_troubled_runs_fit_the_schema(tmp_path: Path) -> None:
    write_plain(tmp_path / "one.arrow")
    write_troubled(tmp_path / "two.arrow")
    one, two = report(tmp_path)["runs"]
    assert (one["name"], two["name"]) == ("lenet-1", "[bold]troubled[/bold]")
    assert two["efficiency"] is None
    assert two["metrics"][0]["final"] is None, "not a number is null"
    (gap,) = two["gaps"]
    assert (gap["channel"], gap["reason"], gap["open"]) == ("gpu0-power", "GPU is lost", True)
    assert gap["begin_s"] == pytest.approx(4.0)


def test_spans_are_nested_with_their_energies(tmp_path: Path) -> None:
    path = write_spans(tmp_path / "spans.arrow")
    (run,) = report(path)["runs"]
    prepare, train = run["spans"]
    (load,) = prepare["spans"]
    assert (prepare["begin_s"], prepare["duration_s"]) == (1.0, 4.0)
    assert (load["name"], load["metrics"]) == ("load images", {"images": 64.0})
    assert load["energy"]["value_j"] == pytest.approx(50)
    assert (train["open"], load["open"]) == (True, False)
    energy = read_run(path).spans[0].children[0].energy
    assert energy is not None
    assert load["energy"] == energy.as_mapping()


def test_epochs_have_their_energy_and_efficiency(tmp_path: Path) -> None:
    (run,) = report(write_plain(tmp_path / "plain.arrow"))["runs"]
    assert run["epochs"][1]["begin_s"] == pytest.approx(3.0)
    assert run["epochs"][3]["efficiency"] == run["efficiency"]["final"]


def test_the_hosts_of_a_job_are_one_run_with_their_parts(tmp_path: Path) -> None:
    for host in (Host("a", 0, 20.0), Host("b", 1, 50.0)):
        host.write(tmp_path)
    told = report(tmp_path)
    (run,) = told["runs"]
    assert [(host["name"], host["epoch_count"]) for host in run["hosts"]] == [("a", 2), ("b", 2)]
    parts = [host["total"]["energy"]["value_j"] for host in run["hosts"]]
    assert run["total"]["energy"]["value_j"] == pytest.approx(sum(parts))
    assert told["total"]["energy"]["value_j"] == pytest.approx(sum(parts))
    assert run["total"]["channels"] == ["a/cpu0", "b/cpu0"]
    assert [source["epochs"] for source in run["sources"]] == [2, 2]


def test_sources_count_their_epochs(tmp_path: Path) -> None:
    (run,) = report(write_troubled(tmp_path / "run.arrow"))["runs"]
    assert [(source["name"], source["epochs"]) for source in run["sources"]] == [("one", 2)]


def test_notes_of_the_program_are_there_and_those_of_the_recorder_are_not(
    tmp_path: Path,
) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        file.event(1, Event.NOTE, name="user:command", text="train.py")
        file.event(2, Event.NOTE, name="recorder", text="the disk is full")
        file.end(10.0)
    (run,) = report(file.path)["runs"]
    assert run["notes"] == [{"name": "command", "text": "train.py"}]


def test_comparisons_fit_the_schema(tmp_path: Path) -> None:
    for name, power_w in (("lenet", 50.0), ("bcnn", 100.0)):
        for size in (1, 2, 3):
            path = tmp_path / f"{name}-{size}.arrow"
            labelled_run(path, power_w=power_w, architecture=name, dataset="digits", size=size)
    told = report(tmp_path, "--efficiency", "--stop", "epochs=2", "--stop", "energy=200J")
    assert len(told["efficiency"]["observations"]) == 12
    assert len(report(tmp_path, "--stop", "epochs=9")["efficiency"]["not_observed"]) == 6


def test_a_table_fits_the_schema(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(
        "architecture,dataset,criterion,size,accuracy,energy\nlenet,mnist,epochs,1,0.9,2.08e5\n"
    )
    assert report("--table", table)["tables"]["observations"][0]["energy"]["low"] is None


def test_an_error_fits_the_schema(tmp_path: Path) -> None:
    told = report(tmp_path / "none.arrow")
    assert (told["runs"], len(told["errors"])) == ([], 1)


def test_conditions_are_listed_with_their_changes(tmp_path: Path) -> None:
    rows: list[tuple[float, str, float | None, str | None]] = [
        (0.0, "power_limit_w", 700.0, None),
        (2.0, "governor", None, "performance"),
        (4.0, "power_limit_w", 400.0, None),
        (0.0, "throttled_fraction", 0.0, "power limit"),
        (10.0, "throttled_fraction", 0.5, "power limit"),
    ]
    with RunFile(tmp_path / "run.arrow") as file:
        for time_s, name, value, text in rows:
            columns = {"channel": "gpu0", "name": name, "value": value, "text": text}
            file.event(time_s, Event.CONDITION, **columns)
        file.end(10.0)
    (run,) = report(file.path)["runs"]
    governor, limit, throttled = run["conditions"]
    assert (limit["at_start"], limit["at_end"], limit["changed"]) == (700.0, 400.0, True)
    assert limit["changes"] == [{"at_s": 4.0, "value": 400.0}]
    assert (governor["at_start"], governor["changed"]) == ("performance", False)
    assert (throttled["reason"], throttled["average"]) == ("power limit", 0.5)
