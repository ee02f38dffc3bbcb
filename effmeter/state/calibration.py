"""The file of calibrations: ``$XDG_STATE_HOME/effmeter/calibration.json``.

It keeps the calibration of each sensor of each host, because several hosts may share a home
directory. ``Channel.sensor`` names a sensor.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from effmeter.channel import Calibration
from effmeter.state import json_file
from effmeter.state.folder import state_folder

FILE_NAME = "calibration.json"
REMEDY = "calibrate again"


def calibration_path(environ: Mapping[str, str]) -> Path:
    """The path of the file; EffmeterError where there is no folder for it."""
    return state_folder(environ) / FILE_NAME


def check_writable(path: Path) -> None:
    """Raise as ``save_calibration`` would, before a measurement whose result could not be kept."""
    _read(path)
    json_file.check_writable(path)


def load_calibrations(path: Path, host: str) -> dict[str, Calibration]:
    """The calibrations of a host, by sensor; MeasurementError where they cannot be read."""
    try:
        kept = _read(path).get(host, {})
        return {sensor: Calibration.from_mapping(found) for sensor, found in kept.items()}
    except (AttributeError, ValueError) as error:
        raise json_file.not_readable(path, REMEDY) from error


def save_calibration(path: Path, host: str, sensor: str, calibration: Calibration) -> None:
    """Add or replace the calibration of one sensor.

    Raises:
        EffmeterError: The file cannot be written.
        MeasurementError: The file exists and cannot be read.
    """
    hosts = _read(path)
    hosts.setdefault(host, {})[sensor] = asdict(calibration)
    json_file.write_hosts(path, hosts)


def forget_calibration(path: Path, host: str, sensor: str) -> None:
    """Remove the calibration of one sensor; the same errors."""
    hosts = _read(path)
    del hosts[host][sensor]
    json_file.write_hosts(path, hosts)


def _read(path: Path) -> dict[str, Any]:
    return json_file.read_hosts(path, REMEDY)
