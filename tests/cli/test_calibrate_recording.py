"""``effmeter calibrate`` without a run: it records this machine while the load varies."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from effmeter.cli import effmeter as command_line
from effmeter.cli.calibrate_recording import record_varying_load, wait_through
from effmeter.clock import now_ns
from effmeter.errors import EffmeterError
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.tracking import Run
from tests.cli.test_idle import surroundings
from tests.recording import eventually
from tests.runfile.writing import RunFile, gauge, metadata
from tests.schemas import assert_fits
from tests.simulated.clock import ManualClock
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.waveforms import PiecewiseLinear

CALIBRATE = [sys.executable, "-m", "effmeter", "calibrate"]
LEVELS = ((3.0, 60.0), (1.5, 300.0), (3.0, 60.0), (1.2, 300.0), (1.5, 180.0), (2.0, 60.0))
LOAD = PiecewiseLinear(tuple((lasts_s, level_w, level_w) for lasts_s, level_w in LEVELS), True)
SHOWN_SHARE = 0.9


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the state and the runs of a machine that has nothing but estimates."""
    (tmp_path / "sys").mkdir()
    for name, place in (
        ("EFFMETER_SYSFS", "sys"),
        ("EFFMETER_RUNS", "runs"),
        ("XDG_STATE_HOME", "state"),
    ):
        monkeypatch.setenv(name, str(tmp_path / place))
    (tmp_path / "meter.csv").write_text("time_s,power_w\n")
    (tmp_path / "volts.csv").write_text("time_s,volts\n")
    (tmp_path / "comma.csv").write_text('time_s,power_w\n0,"12,5"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cpu9", "--reference", "meter.csv"], "this machine has no channel cpu9: it has cpu-est"),
        (["cpu-estimate", "--reference", "cpu-estimate"], "its own reference"),
        (["cpu-estimate", "--reference", "none.csv"], "start the record of the meter first"),
        (["cpu-estimate", "--reference", "cpu0"], "no such channel on this machine"),
        (["cpu-estimate", "--reference", "ram-estimate"], "ram-estimate is an estimate: name a"),
        (["cpu-estimate", "--reference", "volts.csv"], "not time_s, volts"),
        (["cpu-estimate", "--reference", "comma.csv"], "comma.csv, line 2"),
        (["cpu-estimate", "--reference", "."], "cannot be read"),
        (["cpu-estimate"], "with --reference"),
        (["cpu-estimate", "--reference", "meter.csv", "--seconds", "2"], "x>=5.0"),
        (
            ["cpu-estimate", "--reference", "meter.csv", "--run", "a.arrow", "--seconds", "9"],
            "--run records nothing: leave out --seconds",
        ),
    ],
)
def test_mistake_is_one_line_before_anything_is_recorded(
    bare: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(bare)
    result = CliRunner().invoke(command_line, ["calibrate", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert words in line
    assert not (bare / "runs").exists()


def test_nothing_is_recorded_where_no_calibration_can_be_kept(bare: Path) -> None:
    arguments = ["cpu-estimate", "--reference", str(bare / "meter.csv")]
    result = CliRunner().invoke(
        command_line, ["calibrate", *arguments], env={"XDG_STATE_HOME": "/proc/nowhere"}
    )
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert "calibration.json cannot be written" in line
    assert not (bare / "runs").exists()


def test_recording_is_named_after_its_channel_and_its_file_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with RunFile(tmp_path / "load.arrow", metadata(channels=(gauge("gpu0"),))) as file:
        file.end(7.0)
    names = []

    def record(name: str, _wait: Callable[[Run], float]) -> tuple[RecordedRun, float]:
        names.append(name)
        return read_run(file.path), 7.0

    run = record_varying_load("gpu0", "cpu0", 60.0, ("cpu0", "gpu0"), record)
    assert run.paths == read_run(file.path).paths
    assert names == ["calibrate-gpu0"]
    advice, kept = capsys.readouterr().err.splitlines()
    for words in ("1 min", "Let the load of gpu0 vary: idle and full load", "Ctrl-C ends"):
        assert words in advice
    assert "recorded 7 s in load.arrow" in kept
    assert "--run load.arrow" in kept


def test_wait_ends_with_the_time_and_shows_each_second() -> None:
    clock = ManualClock()
    looks: list[float] = []

    def look(waited_s: float) -> bool:
        looks.append(waited_s)
        return True

    assert wait_through(2.5, look, clock, clock.advance) == 2.5
    assert looks == [0.0, 1.0, 2.0]


def test_wait_ends_with_the_recording() -> None:
    clock = ManualClock()
    assert wait_through(60.0, lambda waited_s: waited_s < 3.0, clock, clock.advance) == 3.0


def test_interrupt_ends_the_wait_early() -> None:
    clock = ManualClock()

    def pause(seconds: float) -> None:
        clock.advance(seconds / 2)
        if clock.now_ns() >= 2e9:
            raise KeyboardInterrupt

    assert wait_through(60.0, lambda _: True, clock, pause) == 2.0


def test_interrupted_recording_is_kept_and_the_record_is_read_after_it(tmp_path: Path) -> None:
    meter, runs = tmp_path / "meter.csv", tmp_path / "runs"
    meter.write_text("time_s,power_w\n")
    with SimulatedMachine(tmp_path, [], [SimulatedGpu(LOAD)]) as machine:
        program = subprocess.Popen(
            [*CALIBRATE, "gpu0", "--reference", str(meter)],
            env=surroundings(machine, tmp_path),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        eventually(lambda: _has_readings(runs), "the machine is recorded")
        meter.write_text("time_s,power_w\n0,60\n1,60\n2,300\n3,3")
        os.killpg(program.pid, signal.SIGINT)
        _, printed = program.communicate(timeout=90)
    (file,) = runs.iterdir()
    assert program.returncode == 1, printed
    lines = printed.splitlines()
    assert f"{os.path.relpath(file)}; --run" in lines[1]
    # Both are said of a record that could be read; on a busy machine the run lasts longer.
    reasons = ("the run is too short: record 5 s at least", "the reference does not follow")
    assert any(reason in lines[-1] for reason in reasons), printed
    run = read_run(file)
    assert (run.name, run.status) == ("calibrate-gpu0", "completed")


def _has_readings(runs: Path) -> bool:
    try:
        (file,) = runs.iterdir()
        return read_run(file).samples("gpu0") is not None
    except (EffmeterError, OSError, ValueError):
        return False


@pytest.mark.slow
def test_sensor_is_calibrated_beside_a_record_that_is_written_meanwhile(tmp_path: Path) -> None:
    meter = tmp_path / "meter.csv"
    meter.write_text("time,power_w\n")
    with SimulatedMachine(tmp_path, [], [SimulatedGpu(LOAD, counted_share=SHOWN_SHARE)]) as machine:
        environ = surroundings(machine, tmp_path)
        command = [*CALIBRATE, "gpu0", "--reference", str(meter), "--json"]
        program = subprocess.Popen(
            [*command, "--seconds", "13"], env=environ, stdout=subprocess.PIPE, text=True
        )
        stop = threading.Event()
        writer = threading.Thread(target=_write_record, args=(machine, meter, stop))
        writer.start()
        live, _ = program.communicate(timeout=60)
        stop.set()
        writer.join()
        (file,) = (tmp_path / "runs").iterdir()
        again = subprocess.run(
            [*command, "--run", str(file)], env=environ, capture_output=True, text=True, check=True
        ).stdout
    found, repeated = json.loads(live), json.loads(again)
    assert_fits(found, "calibrate")
    assert found["gain"] == pytest.approx(1 / SHOWN_SHARE, rel=0.02)
    assert repeated["gain"] == pytest.approx(found["gain"], rel=0.01)


def _write_record(machine: SimulatedMachine, path: Path, stop: threading.Event) -> None:
    """What a meter writes that reads the first GPU fifty times a second."""
    with path.open("a") as file:
        while not stop.wait(0.02):
            shown_w = LOAD.power_w((now_ns() - machine.origin_ns) * 1e-9)
            file.write(f"{time.time():.3f},{shown_w}\n")
            file.flush()
