"""The shares of a run as text, with and without the power of the idle machine."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from effmeter.cli import effmeter
from effmeter.state.idle_baseline import save_baseline
from tests.report.runs import write_plain, write_shared
from tests.snapshot import assert_matches


def report(tmp_path: Path, *arguments: object, width: str = "") -> str:
    env = {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": width or None}
    result = CliRunner(env=env).invoke(effmeter, ["report", *map(str, arguments)])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def measure_idle_machine(tmp_path: Path) -> None:
    powers_w = {"cpu0": 20.0, "gpu0": 60.0, "dram0": 2.0}
    power = {"low_w": 0.0, "high_w": 0.0, "systematic_w": 0.0, "device": "", "calibrated": ""}
    channels = {
        name: {**power, "power_w": w, "low_w": 0.98 * w, "high_w": 1.02 * w}
        for name, w in powers_w.items()
    }
    baseline = {"host": "host", "date": "2026-01-01T00:00:00+00:00", "duration_s": 60.0}
    path = tmp_path / "state/effmeter/idle.json"
    save_baseline(path, "host", {**baseline, "channels": channels, "warnings": []})


@pytest.mark.parametrize("width", ["", "60"], ids=["wide", "60"])
def test_shares_beside_the_idle_machine(tmp_path: Path, width: str) -> None:
    measure_idle_machine(tmp_path)
    text = report(tmp_path, write_shared(tmp_path / "shared.arrow"), width=width)
    assert_matches(text, f"report-shares-{width or 'wide'}", folder=tmp_path)


def test_shares_without_idle_power(tmp_path: Path) -> None:
    text = report(tmp_path, write_shared(tmp_path / "shared.arrow"))
    assert_matches(text, "report-shares-no-idle", folder=tmp_path)


def test_the_ratio_of_powers_is_stated_and_moves_the_ends(tmp_path: Path) -> None:
    path = write_shared(tmp_path / "shared.arrow")
    texts = [report(tmp_path, "--power-ratio", ratio, path) for ratio in (1, 2.5)]
    assert "up to 1-fold" in texts[0]
    assert "up to 2.5-fold" in texts[1]
    assert texts[0] != texts[1].replace("2.5-fold", "1-fold")


@pytest.mark.parametrize("ratio", ["0.5", "nan", "much"])
def test_a_ratio_below_one_is_a_mistake(tmp_path: Path, ratio: str) -> None:
    path = write_shared(tmp_path / "shared.arrow")
    result = CliRunner().invoke(effmeter, ["report", "--power-ratio", ratio, str(path)])
    assert result.exit_code == 2
    assert "--power-ratio" in result.stderr


def test_a_file_that_states_no_work_has_no_shares(tmp_path: Path) -> None:
    assert "attributed" not in report(tmp_path, write_plain(tmp_path / "plain.arrow"))
