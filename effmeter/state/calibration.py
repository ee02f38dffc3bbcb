"""The file of calibrations: ``$XDG_STATE_HOME/effmeter/calibration.json``.

It keeps the calibration of each sensor of each host, because several hosts may share a home
directory. ``Channel.sensor`` names a sensor.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from effmeter.channel import Calibration
from effmeter.errors import MeasurementError
from effmeter.state.folder import state_folder
from effmeter.state.json_file import write_beside

FORMAT = 1
FILE_NAME = "calibration.json"


def calibration_path(environ: Mapping[str, str]) -> Path:
    """The path of the file; EffmeterError where there is no folder for it."""
    return state_folder(environ) / FILE_NAME


def check_writable(path: Path) -> None:
    """Raise as ``save_calibration`` would, before a measurement whose result could not be kept."""
    _read(path)
    write_beside(path, "").unlink()


def load_calibrations(path: Path, host: str) -> dict[str, Calibration]:
    """The calibrations of a host, by sensor; MeasurementError where they cannot be read."""
    try:
        kept = _read(path).get(host, {})
        return {sensor: Calibration.from_mapping(found) for sensor, found in kept.items()}
    except (AttributeError, ValueError) as error:
        raise _unreadable(path) from error


def save_calibration(path: Path, host: str, sensor: str, calibration: Calibration) -> None:
    """Add or replace the calibration of one sensor.

    Raises:
        EffmeterError: The file cannot be written.
        MeasurementError: The file exists and cannot be read.
    """
    hosts = _read(path)
    hosts.setdefault(host, {})[sensor] = asdict(calibration)
    _write(path, hosts)


def forget_calibration(path: Path, host: str, sensor: str) -> None:
    """Remove the calibration of one sensor; the same errors."""
    hosts = _read(path)
    del hosts[host][sensor]
    _write(path, hosts)


def _write(path: Path, hosts: Mapping[str, Any]) -> None:
    text = json.dumps({"format": FORMAT, "hosts": hosts}, indent=2) + "\n"
    write_beside(path, text).replace(path)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_text())
        if kept["format"] > FORMAT:
            raise MeasurementError(f"{path} was written by a newer effmeter: upgrade")
        return dict(kept["hosts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> MeasurementError:
    return MeasurementError(f"{path} cannot be read: remove it, then calibrate again")
