"""``effmeter sweep``: what it prints where, and one line for each mistake."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from effmeter.errors import UsageError
from effmeter.lab.cli.sweep import parse_integers
from effmeter.recorded.reading import read_run
from tests.simulated.machine import SimulatedMachine

TINY = ("lenet", "--option", "shifts=0", "--device", "cpu")
ONE_EPOCH = (*TINY, "--epochs", "1")


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


def assert_one_line(finished: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    assert finished.returncode == status, finished.stderr
    assert finished.stdout == ""
    (line,) = finished.stderr.splitlines()
    for word in words:
        assert word in line


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment of a machine whose only figures are estimates: no sensor, no GPU."""
    with SimulatedMachine(tmp_path / "machine", zones=[]) as machine:
        yield machine.environ


def test_each_size_and_seed_gives_a_file_named_on_stdout(
    tmp_path: Path, simulated: Mapping[str, str]
) -> None:
    finished = sweep(
        *ONE_EPOCH, "--sizes", "1,2", "--out", "here", folder=tmp_path, environ=simulated
    )
    assert finished.returncode == 0, finished.stderr
    files = [tmp_path / name for name in finished.stdout.splitlines()]
    assert sorted(files) == sorted((tmp_path / "here").glob("*.arrow"))
    assert [read_run(path).labels["size"] for path in files] == [1, 2]


def test_progress_is_plain_lines_on_stderr_when_it_is_no_terminal(
    tmp_path: Path, simulated: Mapping[str, str]
) -> None:
    finished = sweep(*ONE_EPOCH, "--sizes", "1,2", folder=tmp_path, environ=simulated)
    epoch, end, to_go, *_ = finished.stderr.splitlines()
    assert epoch.startswith("lenet-1-digits-seed-0: epoch 1 of 1, accuracy 0.")
    assert re.search(r", (energy not known|[0-9.]+ m?J \(estimated\))$", epoch)
    assert end.startswith("lenet-1-digits-seed-0: ended by max-epochs: 1, runs/")
    assert re.fullmatch(r"to go: 1 run, at most .* m?s and .* m?J", to_go)


def test_a_table_at_the_end_says_how_each_run_ended(
    tmp_path: Path, simulated: Mapping[str, str]
) -> None:
    stop = ("--stop", "accuracy=1.5")
    finished = sweep(*ONE_EPOCH, *stop, folder=tmp_path, environ=simulated)
    heading, row = finished.stderr.splitlines()[-2:]
    assert heading.split() == ["run", "status", "epochs", "metric", "energy", "remarks"]
    assert row.split()[:4] == ["lenet-1-digits-seed-0", "completed", "1", "accuracy"]
    assert row.rstrip().endswith("accuracy=1.5 not met")


def test_json_holds_the_runs_with_their_files_and_energies(
    tmp_path: Path, simulated: Mapping[str, str]
) -> None:
    finished = sweep(*ONE_EPOCH, "--json", folder=tmp_path, environ=simulated)
    (run,) = json.loads(finished.stdout)
    assert read_run(tmp_path / run["file"]).labels == run["labels"]
    assert (run["status"], run["epochs"], run["stopped_by"]) == ("completed", 1, "max-epochs: 1")
    assert (run["complete"], run["earlier"], run["unmet"]) == (True, False, [])
    assert run["energy"]["low_j"] < run["energy"]["total_j"] < run["energy"]["high_j"]
    assert run["energy"]["estimated"] == run["energy"]["cover"]


def test_a_criterion_ends_the_run_before_its_epochs(
    tmp_path: Path, simulated: Mapping[str, str]
) -> None:
    stop = ("--stop", "accuracy=0.97", "--stop", "energy=1J")
    finished = sweep(*TINY, *stop, "--json", folder=tmp_path, environ=simulated)
    (run,) = json.loads(finished.stdout)
    assert run["epochs"] == 1
    assert run["stopped_by"].startswith("energy-budget")


def test_after_a_kill_the_same_command_completes_and_leaves_finished_runs_untouched(
    tmp_path: Path, simulated: Mapping[str, str]
) -> None:
    arguments = (*TINY, "--epochs", "3", "--sizes", "1,2")
    with start(*arguments, folder=tmp_path, environ=simulated) as program:
        assert program.stderr is not None
        for line in program.stderr:
            if line.startswith("lenet-2-digits-seed-0: epoch 1 of 3"):
                break
        program.kill()
    (finished,) = (p for p in (tmp_path / "runs").iterdir() if p.name.startswith("lenet-1"))
    before = (finished.read_bytes(), finished.stat().st_mtime_ns)
    again = sweep(*arguments, folder=tmp_path, environ=simulated)
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


def test_an_interrupt_says_how_to_go_on(tmp_path: Path, simulated: Mapping[str, str]) -> None:
    arguments = (*TINY, "--epochs", "3", "--sizes", "1,2")
    with start(*arguments, folder=tmp_path, environ=simulated) as program:
        assert program.stderr is not None
        for line in program.stderr:
            if line.startswith("lenet-2-digits-seed-0: epoch 1 of 3"):
                break
        program.send_signal(signal.SIGINT)
        said = program.stderr.read()
    assert program.returncode == 130
    assert "1 of 2 runs are done; the same command goes on from there" in said
    assert "Traceback" not in said
    statuses = sorted(read_run(path).status for path in (tmp_path / "runs").iterdir())
    assert statuses == ["completed", "interrupted"]


def test_workloads_and_data_sets_are_listed(tmp_path: Path) -> None:
    listed = sweep("--list", folder=tmp_path)
    assert "lenet" in listed.stdout
    assert "--option initialisation=" in listed.stdout
    assert "digits" in listed.stdout
    as_json = json.loads(sweep("--list", "--json", folder=tmp_path).stdout)
    assert as_json["workloads"]["lenet"]["sizes"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resnet"], ["no workload 'resnet'", "lenet"]),
        (["lenet", "--sizes", "1,x"], ["--sizes", "'1,x'"]),
        (["lenet", "--sizes", "6"], ["sizes 1 to 5, not 6"]),
        (["lenet", "--sizes", "3-1"], ["--sizes", "3-1"]),
        (["lenet", "--seeds", "-1"], ["--seeds", "'-1'"]),
        (["lenet", "--epochs", "0"], ["epochs from 1, not 0"]),
        (["lenet", "--stop", "energy=2000"], ["'2000'", "unit", "2kJ"]),
        (["lenet", "--stop", "colour=red"], ["'colour=red'"]),
        (["lenet", "--stop", "soon"], ["'soon' is not a stopping criterion"]),
        (["lenet", "--device", "abacus"], ["no device 'abacus'"]),
        ([], ["name a workload", "--list"]),
        (["lenet", "--dataset", "stars"], ["no data set 'stars'", "digits"]),
        (["lenet", "--dataset", "mnist"], ["mnist", "folder"]),
        (["lenet", "--option", "normal"], ["--option", "NAME=VALUE", "'normal'"]),
        (["lenet", "--option", "hue=red"], ["no option 'hue'", "initialisation"]),
        (["lenet", "--folds", "1"], ["2 folds or more"]),
        (["lenet", "--batch-size", "0"], ["a batch holds 1 image or more"]),
        (["lenet", "--stop", "epochs=9", "--epochs", "5"], ["epochs=9", "beyond", "5"]),
        (["cnn2", "--method", "ssprop:drop=2"], ["drop", "2"]),
        (["cnn2", "--method", "dense", "--method", "ssprop:foo=2"], ["no parameter 'foo'", "drop"]),
        (["cnn2", "--method", "gskip+gskip"], ["gskip"]),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: Sequence[str], words: Sequence[str], tmp_path: Path
) -> None:
    assert_one_line(sweep(*arguments, folder=tmp_path), 2, *words)
    assert not (tmp_path / "runs").exists()


def test_a_directory_that_cannot_be_written_is_one_line_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    finished = sweep(*ONE_EPOCH, "--out", "occupied/runs", folder=tmp_path)
    assert_one_line(finished, 1, "occupied/runs")


def test_without_torch_the_line_names_the_command_that_installs_it(tmp_path: Path) -> None:
    """A module that fails to load as a missing one does stands in for an absent package."""
    missing = 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")\n'
    (tmp_path / "torch.py").write_text(missing)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    finished = sweep("lenet", folder=tmp_path, environ=environ)
    assert_one_line(finished, 1, "torch is not installed", 'pip install "effmeter[torch,data]"')


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1", [1]), ("1,2", [1, 2]), ("1-3", [1, 2, 3]), ("5,1-2,1", [5, 1, 2])],
)
def test_numbers_are_listed_or_given_as_ranges(text: str, numbers: list[int]) -> None:
    assert parse_integers(text, "--sizes") == numbers


@pytest.mark.parametrize("text", ["", ",", "1,", "a", "1.5", "1--3", " 1", "3-1"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--sizes"):
        parse_integers(text, "--sizes")
