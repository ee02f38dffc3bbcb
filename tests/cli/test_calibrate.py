"""``effmeter calibrate``: from a run and a meter's record to the energies of later runs."""

import json
import socket
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from effmeter.channel import Calibration
from effmeter.cli import effmeter as command_line
from effmeter.recorded.reading import read_run
from effmeter.state.calibration import load_calibrations, save_calibration
from tests.cli.test_idle import effmeter, surroundings
from tests.runfile.writing import RunFile, gauge, metadata
from tests.schemas import assert_fits
from tests.simulated.machine import SimulatedMachine
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.waveforms import constant

HOST = socket.gethostname()
GAIN, OFFSET_W = 1.08, 6.0
GPU = gauge(
    "gpu0-power", device="a GPU-1", window_s=0.1, gain_error_fraction=0.08, offset_error_w=20.0
)
CHECK = replace(GPU, name="gpu0-check", contained_in="gpu0-power", gain_error_fraction=0.03)
LEVELS = ((8, 60.0), (5, 300.0), (11, 60.0), (3, 300.0), (6, 180.0), (9, 60.0))


def power_w(time_s: float) -> float:
    for lasts_s, level_w in LEVELS:
        if time_s < lasts_s:
            return level_w
        time_s -= lasts_s
    return LEVELS[-1][1]


class Bench:
    """A folder with a run, a meter's record and a state of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        self.state = folder / "state" / "effmeter" / "calibration.json"
        self.run, self.meter = folder / "run.arrow", folder / "meter.csv"
        times_s = [round(t, 3) for t in np.arange(0.1, 42.0, 0.1)]
        with RunFile(self.run, metadata(channels=(GPU, CHECK), host={"name": HOST})) as file:
            for time_s in times_s:
                true_w = power_w(time_s - 0.05)
                file.show("gpu0-power", [time_s], (true_w - OFFSET_W) / GAIN)
                file.show("gpu0-check", [time_s], true_w)
            file.end(42.0)
        lines = "".join(f"{t - 3.0:.3f},{power_w(t)}\n" for t in np.arange(4.0, 42.0, 0.02))
        self.meter.write_text(f"time_s,power_w\n{lines}")

    def invoke(self, *arguments: str) -> Result:
        return CliRunner().invoke(command_line, ["calibrate", *arguments])

    def fit(self, *more: str, channel: str = "gpu0-power") -> Result:
        return self.invoke(channel, "--run", str(self.run), *more)

    def kept(self) -> dict[str, Calibration]:
        return load_calibrations(self.state, HOST)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def facts(result: Result, schema: str) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    assert_fits(found, schema)
    return found


def test_gain_and_offset_are_fitted_beside_a_meters_record_and_kept(bench: Bench) -> None:
    found = facts(bench.fit("--reference", str(bench.meter), "--json"), "calibrate")
    assert found["gain"] == pytest.approx(GAIN, rel=0.005)
    assert found["offset_w"] == pytest.approx(OFFSET_W, abs=0.5)
    assert found["begins_s"] == pytest.approx(4.0, abs=0.15), "by the clock of the run"
    assert found["gain_error"] == pytest.approx(0.01 * GAIN, rel=0.3), "the meter's own error"
    assert found["reference"] == "meter.csv"
    assert bench.kept()[GPU.sensor].gain == found["gain"]


def test_another_channel_of_the_run_is_a_reference_with_its_own_error(bench: Bench) -> None:
    found = facts(bench.fit("--reference", "gpu0-check", "--json"), "calibrate")
    assert found["gain"] == pytest.approx(GAIN, rel=0.005)
    assert found["gain_error"] == pytest.approx(0.03 * GAIN, rel=0.1)
    assert found["reference"] == "gpu0-check of the same run"


def test_the_text_says_what_the_fit_rests_on(bench: Bench) -> None:
    result = bench.fit("--reference", str(bench.meter))
    assert result.exit_code == 0, result.output
    for words in ("gain", "1.08", "offset", "W shown", "correlation", "runs recorded from now on"):
        assert words in result.output


def test_calibrations_are_listed_and_forgotten(bench: Bench) -> None:
    assert "no sensor of this host" in bench.invoke("--list").stdout
    bench.fit("--reference", str(bench.meter))
    assert GPU.sensor in bench.invoke("--list").stdout
    assert list(facts(bench.invoke("--list", "--json"), "calibrate-list")["sensors"]) == [
        GPU.sensor
    ]
    assert bench.invoke("cpu of nothing", "--forget").exit_code == 2
    assert bench.invoke(GPU.sensor, "--forget").exit_code == 0
    assert bench.kept() == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name the channel"),
        (["gpu0-power"], "with --reference"),
        (["gpu0-power", "--run", "RUN"], "with --reference"),
        (["gpu9", "--run", "RUN", "--reference", "METER"], "no channel gpu9: it has gpu0-check"),
        (["gpu0-power", "--run", "RUN", "--reference", "gpu0-power"], "its own reference"),
        (["gpu0-power", "--run", "RUN", "--reference", "none.csv"], "no file none.csv"),
    ],
)
def test_a_mistake_is_one_line_with_its_remedy(
    bench: Bench, arguments: list[str], words: str
) -> None:
    places = {"RUN": str(bench.run), "METER": str(bench.meter)}
    result = bench.invoke(*[places.get(word, word) for word in arguments])
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_steady_load_is_refused(bench: Bench) -> None:
    with RunFile(bench.run, metadata(channels=(GPU,))) as file:
        file.show("gpu0-power", [round(t, 3) for t in np.arange(0.1, 20.0, 0.1)], 100.0)
        file.end(20.0)
    result = bench.fit("--reference", str(bench.meter))
    assert result.exit_code == 1
    assert "the load must vary: record idle and full load" in result.output
    assert not bench.state.exists()


def test_runs_recorded_afterwards_carry_the_calibration_and_are_corrected_by_it(
    tmp_path: Path,
) -> None:
    known = Calibration(1.1, 5.0, 0.011, 0.5, "meter.csv", "2026-01-02T03:04:05+00:00")
    with SimulatedMachine(tmp_path, gpus=[SimulatedGpu(constant(200.0))]) as machine:
        environ = surroundings(machine, tmp_path)
        program = (sys.executable, "-c", "import time; time.sleep(1)")
        before = effmeter(environ, "run", "-o", str(tmp_path / "before.arrow"), "--", *program)
        assert before.returncode == 0, before.stderr
        channel = read_run(tmp_path / "before.arrow").channels["gpu0"]
        host = read_run(tmp_path / "before.arrow").metadata.host["name"]
        state = tmp_path / "state" / "effmeter" / "calibration.json"
        save_calibration(state, host, channel.sensor, known)
        after = effmeter(environ, "run", "-o", str(tmp_path / "after.arrow"), "--", *program)
        assert after.returncode == 0, after.stderr
    state.unlink()
    reported = {
        name: json.loads(effmeter(environ, "report", "--json", str(tmp_path / name)).stdout)
        for name in ("before.arrow", "after.arrow")
    }
    powers_w, calibrations = {}, {}
    for name, report in reported.items():
        assert_fits(report, "report")
        (run,) = report["runs"]
        (gpu,) = [seen for seen in run["channels"] if seen["channel"] == "gpu0"]
        powers_w[name] = gpu["energy"]["value_j"] / run["duration_s"]
        calibrations[name] = gpu["calibration"]
    assert calibrations == {"before.arrow": None, "after.arrow": asdict(known)}
    assert powers_w["before.arrow"] == pytest.approx(200.0, rel=0.03)
    assert powers_w["after.arrow"] == pytest.approx(1.1 * 200.0 + 5.0, rel=0.03)
    text = effmeter(environ, "report", str(tmp_path / "after.arrow")).stdout
    assert "calibrated gpu0" in text
    assert "meter.csv" in text
