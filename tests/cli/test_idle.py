"""``effmeter idle`` and ``effmeter report --net``, on the simulated machine."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.analysis.idle import IdleBaseline, IdlePower
from effmeter.cli import effmeter as command_line
from effmeter.cli.idle import page_of
from effmeter.recorder.observers.processes import sees_all_processes
from effmeter.report.page import Page
from tests.schemas import assert_fits
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.powercap import dram, package
from tests.simulated.waveforms import constant
from tests.snapshot import assert_matches

HALF_BUSY = """
import time
while True:
    time.sleep(0.01)
    begin = time.process_time()
    while time.process_time() - begin < 0.01:
        pass
"""
"""More than twice what a machine may work that counts as idle."""
ZONES = [package(0, constant(20.0)), dram(0, constant(4.0))]


def effmeter(environ: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "effmeter", *arguments]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=90, check=False
    )


def report(environ: Mapping[str, str], *arguments: str) -> Result:
    """In this process: what a report says does not depend on whose it is."""
    return CliRunner().invoke(command_line, ["report", *arguments], env=environ)


def surroundings(machine: SimulatedMachine, folder: Path) -> dict[str, str]:
    own = {"EFFMETER_RUNS": str(folder / "runs"), "XDG_STATE_HOME": str(folder / "state")}
    return {**machine.environ, **own}


def test_idle_power_is_kept_and_reports_are_net_of_it(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, ZONES, [SimulatedGpu(constant(70.0))]) as machine:
        environ = surroundings(machine, tmp_path)
        measured = effmeter(environ, "idle", "--seconds", "1")
        assert measured.returncode == 0, measured.stderr
        recorded = effmeter(
            environ, "run", "--", sys.executable, "-c", "import time; time.sleep(1)"
        )
        assert recorded.returncode == 0, recorded.stderr
    _, *rows = [line.split()[0] for line in measured.stdout.splitlines()]
    estimates = ["cpu-estimate", "ram-estimate"]
    assert sorted(rows) == sorted(["cpu0", "dram0", "gpu0", "gpu0-power", *estimates])
    kept = json.loads((tmp_path / "state" / "effmeter" / "idle.json").read_text())
    (baseline,) = kept["hosts"].values()
    gpu = baseline["channels"]["gpu0"]
    assert gpu["low_w"] <= 70.0 <= gpu["high_w"]
    assert gpu["power_w"] == pytest.approx(70.0, rel=0.05)
    reported = report(environ, "--net", "--json", str(tmp_path / "runs"))
    (run,) = json.loads(reported.stdout)["runs"]
    net, gross = run["net"]["total"]["energy"], run["total"]["energy"]
    assert gross["value_j"] == pytest.approx(94.0 * run["duration_s"], rel=0.05)
    assert net["low_j"] <= 0.0 <= net["high_j"], "nothing more than the idle machine was drawn"
    assert run["net"]["idle_date"] == baseline["date"]
    printed = report(environ, "--net", str(tmp_path / "runs")).stdout
    assert "net of idle" in printed
    assert "net of idle" not in report(environ, str(tmp_path / "runs")).stdout


def test_a_machine_that_is_not_idle_is_said_to_be_none(tmp_path: Path) -> None:
    busy_gpu = SimulatedGpu(constant(300.0), computing=(1,))
    with (
        SimulatedMachine(tmp_path, ZONES, [busy_gpu]) as machine,
        subprocess.Popen([sys.executable, "-c", HALF_BUSY]) as other,
    ):
        environ = surroundings(machine, tmp_path)
        measured = effmeter(environ, "idle", "--seconds", "1", "--json")
        other.kill()
    told = json.loads(measured.stdout)
    assert_fits(told, "idle")
    assert measured.returncode == 0
    assert any("logical processors were busy" in text for text in told["warnings"])
    if sees_all_processes():
        assert "processes on gpu0: 1" in told["warnings"]
    assert "the machine was not idle" in measured.stderr


def test_without_a_baseline_nothing_is_net(tmp_path: Path) -> None:
    with SimulatedMachine(tmp_path, ZONES) as machine:
        environ = surroundings(machine, tmp_path)
        effmeter(environ, "run", "--", "true")
        reported = report(environ, "--net", str(tmp_path / "runs"))
    assert (reported.exit_code, reported.stdout) == (1, "")
    (line,) = reported.stderr.splitlines()
    assert "there is no idle baseline" in line
    assert "effmeter idle" in line


@pytest.mark.parametrize("width", [None, 30], ids=["wide", "30"])
def test_text_is_that_of_the_snapshot(width: int | None) -> None:
    channels = {
        "cpu0": IdlePower("cpu0", 21.5, 21.25, 21.75, 0.0),
        "ram-estimate": IdlePower("ram", 3.0, 1.5, 6.0, 0.0),
    }
    baseline = IdleBaseline("host", "2026-01-01T00:00:00+00:00", 60.0, channels)
    name = f"idle-{width or 'wide'}"
    assert_matches(f"{page_of(baseline, Page(width))}\n", name)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seconds", "0"], "'--seconds': 0.0 is not in the range x>=1.0"),
        (["--seconds", "soon"], "'--seconds': 'soon' is not a valid float"),
        (["--output", "/"], "'--output': File '/' is a directory"),
        (["--secnds", "3"], "No such option '--secnds'"),
    ],
)
def test_a_mistake_of_usage_is_one_line_before_anything_is_measured(
    arguments: list[str], complaint: str
) -> None:
    result = CliRunner().invoke(command_line, ["idle", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert complaint in line


def test_where_nothing_can_be_kept_nothing_is_measured() -> None:
    result = CliRunner().invoke(command_line, ["idle"], env={"XDG_STATE_HOME": "/proc/nowhere"})
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "/proc/nowhere/effmeter/idle.json cannot be written" in line
    assert "set XDG_STATE_HOME to a folder that can be written" in line
