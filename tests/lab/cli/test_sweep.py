"""``effmeter sweep``: what it prints where, and one line for each mistake."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from effmeter.recorded.reading import read_run
from tests.lab.command_line import (
    ONE_EPOCH,
    TINY,
    CommandLine,
    RecordedSweep,
    assert_one_line,
)
from tests.lab.sweep.tiny import add_workload, faulty_in_training, linear
from tests.schemas import assert_fits
from tests.simulated.machine import SimulatedMachine

pytestmark = pytest.mark.untimed


def sweep(
    *arguments: str, folder: Path, environ: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    command = [sys.executable, "-m", "effmeter", "sweep", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)


def start(*arguments: str, folder: Path, environ: Mapping[str, str]) -> "subprocess.Popen[str]":
    """The same, without waiting for its end."""
    command = [sys.executable, "-m", "effmeter", "sweep", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_each_size_and_seed_gives_a_file_named_on_stdout(recorded_sweep: RecordedSweep) -> None:
    folder, result = recorded_sweep.folder, recorded_sweep.result
    assert result.exit_code == 0, result.stderr
    files = [folder / name for name in result.stdout.splitlines()]
    assert sorted(files) == sorted((folder / "here").glob("*.arrow"))
    assert [read_run(path).labels["size"] for path in files] == [1, 2]


def test_progress_is_plain_lines_on_stderr_when_it_is_no_terminal(
    recorded_sweep: RecordedSweep,
) -> None:
    epoch, end, to_go, *_ = recorded_sweep.result.stderr.splitlines()
    assert epoch.startswith("lenet-1-digits-seed-0: epoch 1 of 1, accuracy 0.")
    assert re.search(r", (energy unknown|[0-9.]+ m?J \(estimated\))$", epoch)
    assert end.startswith("lenet-1-digits-seed-0: ended by max-epochs: 1, here/")
    assert to_go == "1 run to go"


def test_a_table_at_the_end_says_how_each_run_ended(recorded_sweep: RecordedSweep) -> None:
    heading, first, second = recorded_sweep.result.stderr.splitlines()[-3:]
    assert heading.split() == ["run", "status", "epochs", "metric", "energy", "remarks"]
    for size, row in ((1, first), (2, second)):
        assert row.split()[:4] == [f"lenet-{size}-digits-seed-0", "completed", "1", "accuracy"]
        assert row.rstrip().endswith("accuracy=1.5 not met")


def test_json_holds_the_runs_with_their_files_and_energies(
    call: CommandLine, simulated: SimulatedMachine
) -> None:
    runs = json.loads(call("sweep", *ONE_EPOCH, "--json").stdout)
    assert_fits(runs, "sweep")
    (run,) = runs
    assert read_run(call.folder / run["file"]).labels == run["labels"]
    assert (run["status"], run["epochs"], run["stopped_by"]) == ("completed", 1, "max-epochs: 1")
    assert (run["complete"], run["earlier"], run["unmet"]) == (True, False, [])
    assert run["traceback"] is None
    total = run["energy"]["total"]
    assert total["low_j"] < total["value_j"] < total["high_j"]
    assert run["energy"]["estimated"] == run["energy"]["cover"]


def test_a_criterion_ends_the_run_before_its_epochs(
    call: CommandLine, simulated: SimulatedMachine
) -> None:
    result = call("sweep", *TINY, "--stop", "accuracy=0.97", "--stop", "energy=1J", "--json")
    (run,) = json.loads(result.stdout)
    assert run["epochs"] == 1
    assert run["stopped_by"].startswith("energy-budget")


def test_a_crashed_run_is_one_line_with_the_place_of_its_traceback(
    call: CommandLine, simulated: SimulatedMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_workload(monkeypatch, "tiny", linear)
    add_workload(monkeypatch, "faulty", faulty_in_training)
    grid = ("faulty", "tiny", "--device", "cpu", "--epochs", "1", "--option", "shifts=0")
    result = call("sweep", *grid)
    assert result.exit_code == 1
    crashed, complete = result.stdout.splitlines()
    line, end = result.stderr.splitlines()[-2:]
    assert line.startswith("faulty-1-digits-seed-0 crashed: ValueError: Expected input batch_size")
    assert line.endswith(f"; traceback: effmeter report {crashed}")
    assert "ValueError: Expected input batch_size" in call("report", crashed).stdout
    assert end == "effmeter: 1 of 2 runs did not complete"
    assert "Traceback" not in result.stderr
    (note,) = (n for n in read_run(call.folder / crashed).notes if n.name == "user:traceback")
    assert "in bug" in (note.text or "")
    assert read_run(call.folder / complete).status == "completed"


@pytest.mark.slow
def test_after_a_kill_the_same_command_completes_and_leaves_finished_runs_untouched(
    tmp_path: Path, simulated: SimulatedMachine
) -> None:
    arguments = (*TINY, "--epochs", "2", "--sizes", "1,2")
    with start(*arguments, folder=tmp_path, environ=simulated.environ) as program:
        assert program.stderr is not None
        for line in program.stderr:
            if line.startswith("lenet-2-digits-seed-0: epoch 1 of 2"):
                break
        program.kill()
    (finished,) = (p for p in (tmp_path / "runs").iterdir() if p.name.startswith("lenet-1"))
    before = (finished.read_bytes(), finished.stat().st_mtime_ns)
    again = sweep(*arguments, folder=tmp_path, environ=simulated.environ)
    assert again.returncode == 0, again.stderr
    assert f"lenet-1-digits-seed-0: completed earlier, runs/{finished.name}" in again.stderr
    assert "lenet-1-digits-seed-0: epoch" not in again.stderr
    assert (finished.read_bytes(), finished.stat().st_mtime_ns) == before
    runs = [read_run(tmp_path / name) for name in again.stdout.splitlines()]
    assert [(run.labels["size"], run.status) for run in runs] == [
        (1, "completed"),
        (2, "completed"),
    ]
    (killed,) = (tmp_path / "runs" / "set-aside").glob("*.arrow")
    assert read_run(killed).status != "completed"
    assert len(list((tmp_path / "runs").glob("*.arrow"))) == 2


@pytest.mark.slow
def test_an_interrupt_says_how_to_go_on(tmp_path: Path, simulated: SimulatedMachine) -> None:
    arguments = (*TINY, "--epochs", "2", "--sizes", "1,2")
    with start(*arguments, folder=tmp_path, environ=simulated.environ) as program:
        assert program.stderr is not None
        for line in program.stderr:
            if line.startswith("lenet-2-digits-seed-0: epoch 1 of 2"):
                break
        program.send_signal(signal.SIGINT)
        said = program.stderr.read()
    assert program.returncode == 130
    assert "1 of 2 runs are done; the same command continues from there" in said
    assert "Traceback" not in said
    statuses = sorted(read_run(path).status for path in (tmp_path / "runs").iterdir())
    assert statuses == ["completed", "interrupted"]


def test_workloads_and_data_sets_are_listed(call: CommandLine) -> None:
    listed = call("sweep", "--list")
    assert "lenet" in listed.stdout
    assert "--option initialisation=" in listed.stdout
    assert "digits" in listed.stdout
    as_json = json.loads(call("sweep", "--list", "--json").stdout)
    assert_fits(as_json, "sweep-list")
    assert as_json["workloads"]["lenet"]["sizes"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resnet"], ["unknown workload 'resnet'", "lenet"]),
        (["lenet", "--sizes", "1,x"], ["--sizes", "'1,x'"]),
        (["lenet", "--sizes", "6"], ["sizes 1 to 5, not 6"]),
        (["lenet", "--sizes", "3-1"], ["--sizes", "3-1"]),
        (["lenet", "--seeds", "-1"], ["--seeds", "'-1'"]),
        (["lenet", "--epochs", "0"], ["--epochs", "0 is not in the range"]),
        (["lenet", "--stop", "energy=2000"], ["--stop", "'2000'", "unit", "2kJ"]),
        (["lenet", "--stop", "colour=red"], ["--stop", "'colour=red'"]),
        (["lenet", "--stop", "soon"], ["--stop", "'soon' is not a stopping criterion"]),
        (["lenet", "--device", "abacus"], ["--device", "no device 'abacus'", "use auto, cpu"]),
        ([], ["name a workload", "--list"]),
        (["lenet", "--dataset", "stars"], ["--dataset", "unknown data set 'stars'", "digits"]),
        (["lenet", "--dataset", "mnist"], ["mnist", "folder"]),
        (["lenet", "--option", "normal"], ["--option", "NAME=VALUE", "'normal'"]),
        (["lenet", "--option", "hue=red"], ["unknown option 'hue'", "initialisation"]),
        (["lenet", "--folds", "1"], ["--folds", "1 is not in the range"]),
        (["lenet", "--batch-size", "0"], ["--batch-size", "0 is not in the range"]),
        (["lenet", "--stop", "epochs=9", "--epochs", "5"], ["epochs=9", "beyond", "5"]),
        (["cnn2", "--method", "ssprop:drop=2"], ["--method", "drop is a fraction", "not 2.0"]),
        (["cnn2", "--method", "dense", "--method", "ssprop:foo=2"], ["--method", "'foo'", "drop"]),
        (["cnn2", "--method", "gskip+gskip"], ["gskip"]),
        (["lenet", "--method", "magic"], ["--method", "unknown method 'magic'", "dense"]),
        (["lenet", "--validation", "1"], ["--validation", "1.0 is not in the range"]),
        (["lenet", "--metric", "charm"], ["--metric", "'charm' is not one of", "accuracy"]),
        (["lenet", "--until", "none"], ["--until", "'none' is not one of", "first"]),
        (["lenet", "--output", __file__], ["--output", "is a file"]),
        (
            ["lenet", "--data-dir", "nowhere", "--dataset", "mnist"],
            ["--data-dir", "'nowhere' does not exist"],
        ),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: Sequence[str], words: Sequence[str], call: CommandLine
) -> None:
    assert_one_line(call("sweep", *arguments), 2, *words)
    assert not (call.folder / "runs").exists()


def test_a_mistake_is_one_line_of_the_program_too(tmp_path: Path) -> None:
    finished = sweep("lenet", "--sizes", "6", folder=tmp_path)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == "effmeter: lenet has sizes 1 to 5, not 6\n"


def test_a_directory_that_cannot_be_written_is_one_line_and_status_1(call: CommandLine) -> None:
    (call.folder / "occupied").touch()
    assert_one_line(call("sweep", *ONE_EPOCH, "--output", "occupied/runs"), 1, "occupied/runs")


def test_without_torch_the_line_names_the_command_that_installs_it(tmp_path: Path) -> None:
    """A module that fails to load as a missing one does stands in for an absent package."""
    missing = 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")\n'
    (tmp_path / "torch.py").write_text(missing)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    finished = sweep("lenet", folder=tmp_path, environ=environ)
    assert (finished.returncode, finished.stdout) == (1, "")
    (line,) = finished.stderr.splitlines()
    assert "torch is not installed" in line
    assert 'pip install "effmeter[torch,data]"' in line


@pytest.mark.parametrize(
    "command", [("sweep",), ("reproduce",), ("reproduce", "ssprop"), ("flops",)]
)
def test_help_fits_sixty_columns(command: Sequence[str], call: CommandLine) -> None:
    for option in ("-h", "--help"):
        result = call(*command, option, width=60)
        assert result.exit_code == 0
        assert max(map(len, result.stdout.splitlines())) <= 60
        assert "..." not in result.stdout.partition("Commands:")[2]
