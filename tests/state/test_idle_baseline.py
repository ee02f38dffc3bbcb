"""The file of idle baselines: one per host, and one clear error where there is none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from effmeter.analysis.idle import IdleBaseline, IdlePower
from effmeter.errors import EffmeterError, MeasurementError
from effmeter.state.idle_baseline import (
    baseline_path,
    check_writable,
    load_baselines,
    save_baseline,
)

IDLE: Mapping[str, Any] = {"date": "2026-01-02", "channels": {"cpu0": 20.0}}


def test_each_host_keeps_its_baseline_in_one_file(tmp_path: Path) -> None:
    path = baseline_path({"XDG_STATE_HOME": str(tmp_path)})
    other = {**IDLE, "channels": {}}
    for host, baseline in (("host", {"date": "2020"}), ("other", other), ("host", IDLE)):
        save_baseline(path, host, baseline)
    assert load_baselines(path, dict) == {"host": IDLE, "other": other}
    assert [p.name for p in path.parent.iterdir()] == ["idle.json"]


def test_a_baseline_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    power = IdlePower("a processor", 20.0, 19.0, 21.0, 0.5)
    baseline = IdleBaseline("host", "2026-01-02", 60.0, {"cpu0": power}, ("it slept",))
    save_baseline(tmp_path / "idle.json", "host", baseline.as_mapping())
    loaded = load_baselines(tmp_path / "idle.json", IdleBaseline.from_mapping)
    assert loaded == {"host": baseline}


def test_baselines_are_kept_under_home_by_default() -> None:
    assert baseline_path({"HOME": "/h"}) == Path("/h/.local/state/effmeter/idle.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no idle baseline"),
        ("", "cannot be read: remove it"),
        ("[]", "cannot be read"),
        ('{"format": 1, "hosts": {}}', "there is no idle baseline"),
        ('{"format": 1, "hosts": {"h": {"channels": {}}}}', "cannot be read"),
        ('{"format": 1, "hosts": {"h": 3}}', "cannot be read"),
        ('{"format": 2, "hosts": {}}', "newer effmeter"),
    ],
)
def test_a_file_that_holds_no_baseline_is_one_clear_error(
    tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "idle.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(MeasurementError, match=said):
        load_baselines(path, IdleBaseline.from_mapping)


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "effmeter").write_text("no folder")
    with pytest.raises(EffmeterError, match="cannot be written"):
        save_baseline(tmp_path / "effmeter" / "idle.json", "host", IDLE)


def test_whether_a_baseline_can_be_kept_is_known_before_it_is_measured(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "idle.json")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "idle.json").write_text("[]")
    with pytest.raises(MeasurementError, match="cannot be read"):
        check_writable(tmp_path / "idle.json")
    with pytest.raises(EffmeterError, match="set XDG_STATE_HOME to a folder"):
        check_writable(Path("/proc/nowhere/effmeter/idle.json"))
