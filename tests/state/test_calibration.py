"""Calibrations are kept by host and sensor, and a file that is none is named."""

from pathlib import Path

import pytest

from effmeter.channel import Calibration
from effmeter.errors import EffmeterError, MeasurementError
from effmeter.state.calibration import (
    calibration_path,
    check_writable,
    forget_calibration,
    load_calibrations,
    save_calibration,
)

KNOWN = Calibration(1.05, -2.0, 0.01, 0.5, "meter.csv", "2026-01-02T03:04:05+00:00")
OTHER = Calibration(0.98, 1.0, 0.02, 0.6, "cpu0 of the same run", "2026-01-03T03:04:05+00:00")


def test_a_calibration_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    path = calibration_path({"XDG_STATE_HOME": str(tmp_path)})
    assert load_calibrations(path, "one") == {}
    save_calibration(path, "one", "gpu of a GPU", KNOWN)
    save_calibration(path, "one", "cpu of a processor", OTHER)
    save_calibration(path, "two", "gpu of a GPU", OTHER)
    assert load_calibrations(path, "one") == {"gpu of a GPU": KNOWN, "cpu of a processor": OTHER}
    assert load_calibrations(path, "two") == {"gpu of a GPU": OTHER}


def test_a_forgotten_calibration_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    for sensor in ("a", "b"):
        save_calibration(path, "host", sensor, KNOWN)
    forget_calibration(path, "host", "a")
    assert load_calibrations(path, "host") == {"b": KNOWN}


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"format": 1}', '{"format": 1, "hosts": {"host": {"a": {"gain": 1}}}}'],
)
def test_a_file_that_is_none_names_the_remedy(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(MeasurementError, match=r"remove it, then calibrate again"):
        load_calibrations(path, "host")


def test_what_could_not_be_kept_is_found_beforehand_and_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "state" / "calibration.json"
    check_writable(path)
    assert list(path.parent.iterdir()) == []
    path.write_text("")
    with pytest.raises(MeasurementError, match="remove it, then calibrate again"):
        check_writable(path)
    with pytest.raises(EffmeterError, match="cannot be written"):
        check_writable(Path("/proc/nowhere/calibration.json"))


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text('{"format": 99, "hosts": {}}')
    with pytest.raises(MeasurementError, match="newer effmeter"):
        load_calibrations(path, "host")
