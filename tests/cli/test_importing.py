"""``effmeter import``: files, options and errors, as on the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter
from tests.importers.logs import mlperf_run, wave
from tests.schemas import assert_fits


def run(*arguments: object) -> Result:
    return CliRunner().invoke(effmeter, list(map(str, arguments)))


def test_runs_are_imported_reported_and_compared(tmp_path: Path) -> None:
    folders = [mlperf_run(tmp_path / f"run-{i}", {"node_0": wave}, seed=i) for i in range(2)]
    into = tmp_path / "runs"
    written = run(
        *("import", "mlperf", *folders, "--json", "-o", into, "--accuracy", "1%"),
        *("--metric-mode", "eval_accuracy=min", "--label", "architecture=llama"),
        *("--label", "size=70"),
    )
    assert written.exit_code == 0, written.output
    told = json.loads(written.stdout)
    assert_fits(told, "import")
    assert [Path(file["file"]).name for file in told["files"]] == [
        "llama-run-0.arrow",
        "llama-run-1.arrow",
    ]
    text = run("report", into / "llama-run-0.arrow").stdout
    assert "0.9 at the end, best 0.9 at epoch 2" in text
    assert "Eq 2: 1/eval_accuracy per kJ" in text
    assert "not stated: no interval" not in text
    compared = run("report", "--efficiency", "--stop", "eval_accuracy=0.9:min", into)
    assert "1/eval_accuracy per kJ" in compared.stdout
    refused = run("report", "--efficiency", "--stop", "eval_accuracy=0.9", into)
    assert refused.exit_code == 2
    assert "less of eval_accuracy is better" in refused.stderr
    told = json.loads(run("report", "--efficiency", "--stop", "epochs=2", "--json", into).stdout)
    assert_fits(told, "report")
    assert {seen["mode"] for seen in told["efficiency"]["observations"]} == {"min"}
    csv = run("report", "--csv", into).stdout
    assert ",1/eval_accuracy," in csv


def test_hosts_with_one_meter_under_two_names_are_named(tmp_path: Path) -> None:
    nodes = {"a": wave, "b": lambda s: wave(s + 2), "c": wave}
    written = run("import", "mlperf", mlperf_run(tmp_path / "run", nodes), "-o", tmp_path / "runs")
    assert len(written.stdout.splitlines()) == 3
    text = run("report", tmp_path / "runs").stdout
    assert "a = c: one meter under several names?" in text
    told = json.loads(run("report", "--json", tmp_path / "runs").stdout)
    assert_fits(told, "report")
    (run_of_all,) = told["runs"]
    assert [host["name"] for host in run_of_all["hosts"]] == ["a", "b", "c"]
    (caution,) = [text for text in run_of_all["warnings"] if "equal readings" in text]
    assert caution.startswith("equal readings (51, of which 50 move): a = c: ")


def test_an_accuracy_that_is_not_stated_is_said_not_zero(tmp_path: Path) -> None:
    folder = mlperf_run(tmp_path / "run", {"node_0": wave})
    path = tmp_path / "one.arrow"
    written = run("import", "mlperf", folder, "-o", path)
    assert written.stdout == f"{path}\n"
    text = run("report", path).stdout
    assert "the accuracy of wall is not stated: no interval includes it" in text
    assert "not known" in text
    told = json.loads(run("report", "--json", path).stdout)
    assert_fits(told, "report")
    assert told["runs"][0]["total"]["energy"]["systematic_j"] is None


def test_a_mistake_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    nodes = {"node_1": wave, "node_2": wave}
    folder = mlperf_run(tmp_path / "run", nodes)
    one = tmp_path / "one.arrow"
    for arguments, status, words in (
        ((folder, "-o", one), 2, "the log has several hosts: name a folder"),
        ((folder, "--metric-mode", "loss=min"), 2, "logs no metric 'loss'; it logs: eval_accuracy"),
        ((folder, "--metric-mode", "loss"), 2, "'loss' is none of NAME=min"),
        ((folder, "--accuracy", "good"), 2, "is no accuracy, such as 1%"),
        ((folder, "--averaging", "nan"), 2, "nan"),
        ((folder, "--stated-power", "sw=5"), 2, "is no HOST=POWER"),
        ((folder, "--stated-power", "sw=1e300kW"), 2, "is no HOST=POWER"),
        ((folder, *("--stated-power", "sw=5W") * 2), 2, "'sw' has two powers"),
        ((folder, folder / "result.txt"), 2, "not both"),
        ((folder, folder, "--name", "x"), 2, "--name is of one run"),
        ((folder, folder, "--job", "x"), 2, "--job is of one run"),
        ((folder, "--job", " "), 2, "'--job': it is empty"),
        ((folder / "result.txt",), 1, "no line holds a power_reading"),
    ):
        result = run("import", "mlperf", *arguments)
        assert (result.exit_code, result.stdout) == (status, ""), result.output
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.glob("**/*.arrow")) == []


def test_a_table_and_its_epochs_are_a_run(tmp_path: Path) -> None:
    table, epochs, path = (tmp_path / name for name in ("pdu.csv", "epochs.csv", "run.arrow"))
    rows = "".join(f"2024-05-09T12:{m:02}:{s:02},1500\n" for m in range(3) for s in range(0, 60, 2))
    table.write_text(f"time,power [W]\n{rows}")
    epochs.write_text(
        "begin,end,reward\n2024-05-09T12:01:00,2024-05-09T12:01:30,5\n,2024-05-09T12:02:00,7\n"
    )
    refused = run("import", "csv", table, "-o", path)
    assert refused.exit_code == 2
    assert "pdu.csv, line 2" in refused.stderr
    assert "add --timezone" in refused.stderr
    written = run(
        *("import", "csv", table, "--timezone", "UTC", "--epochs", epochs, "-o", path),
        *("--metric-mode", "reward=max", "--stated-power", "switches=2kW"),
    )
    assert written.exit_code == 2, "two hosts have no place in one file"
    written = run(
        *("import", "csv", table, "--timezone", "UTC", "--epochs", epochs, "-o", path),
        *("--metric-mode", "reward=max", "--host", "node"),
    )
    assert (written.exit_code, written.stdout) == (0, f"{path}\n"), written.stderr
    told = json.loads(run("report", "--json", path).stdout)["runs"][0]
    assert (told["name"], told["host"]) == ("pdu", "node")
    assert told["duration_s"] == pytest.approx(60)
    assert told["total"]["energy"]["value_j"] == pytest.approx(90_000)
    assert told["efficiency"]["best"]["epoch"] == 1
    assert told["metrics"][0]["best"] == 7


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    folder = mlperf_run(tmp_path / "run", {"node_0": wave})
    path = tmp_path / "one.arrow"
    path.write_text("mine")
    result = run("import", "mlperf", folder, "-o", path)
    assert (result.exit_code, path.read_text()) == (1, "mine")
    assert "is there already" in result.stderr
