"""``effmeter doctor --capture``: one new file, or one line that says why not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter as command_line
from tests.simulated.powercap import SimulatedPowercap, package
from tests.simulated.waveforms import constant


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    SimulatedPowercap(tmp_path / "sys", [package(0, constant(50.0), start_uj=10**9)])
    return tmp_path / "sys"


def doctor(sysfs: Path, *options: str | Path) -> Result:
    arguments = ["doctor", *map(str, options)]
    return CliRunner().invoke(command_line, arguments, env={"EFFMETER_SYSFS": str(sysfs)})


def test_the_file_holds_the_capture_and_the_command_says_what_is_in_it(
    sysfs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "machine.json"
    result = doctor(sysfs, "--capture", path, "--seconds", "0.5")
    assert (result.exit_code, result.exception) == (0, None)
    capture = json.loads(path.read_text())
    assert capture["files"]["class/powercap/intel-rapl:0/name"] == "package-0"
    assert result.stdout.startswith(f"{path}: ")
    assert "files of sysfs" in result.stdout
    assert "effmeter: capturing for 500 ms" in result.stderr
    assert "Read the file before you send it" in result.stderr
    assert [p.name for p in tmp_path.iterdir() if "machine" in p.name] == ["machine.json"]


def test_a_file_that_exists_is_never_overwritten(sysfs: Path, tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    path.write_text("mine")
    result = doctor(sysfs, "--capture", path)
    assert result.exit_code == 2
    assert result.stderr == f"effmeter: {path} exists: give --capture the name of a new file\n"
    assert path.read_text() == "mine"


def test_a_folder_that_is_missing_is_one_line_before_anything_is_read(
    sysfs: Path, tmp_path: Path
) -> None:
    path = tmp_path / "nowhere" / "machine.json"
    result = doctor(sysfs, "--capture", path)
    assert result.exit_code == 1
    assert result.stderr == f"effmeter: {path} cannot be written: No such file or directory\n"


@pytest.mark.parametrize("option", [["--json"], ["--output", "x.txt"]])
def test_other_outputs_beside_a_capture_are_refused(
    sysfs: Path, tmp_path: Path, option: list[str]
) -> None:
    result = doctor(sysfs, "--capture", tmp_path / "machine.json", *option)
    assert result.exit_code == 2
    assert "leave out --json and --output" in result.stderr


def test_a_time_without_a_capture_is_refused(sysfs: Path) -> None:
    result = doctor(sysfs, "--seconds", "3")
    assert result.exit_code == 2
    assert "--seconds is of --capture" in result.stderr
