"""The file of idle baselines: ``$XDG_STATE_HOME/effmeter/idle.json``.

It keeps one baseline per host, because several hosts may share a home directory.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from effmeter.errors import MeasurementError
from effmeter.state.folder import state_folder
from effmeter.state.json_file import write_beside

FORMAT = 1
FILE_NAME = "idle.json"
REMEDY = "run effmeter idle on that machine while nothing else runs"

Baseline = TypeVar("Baseline")


def baseline_path(environ: Mapping[str, str]) -> Path:
    """The path of the file; EffmeterError where there is no folder for it."""
    return state_folder(environ) / FILE_NAME


def check_writable(path: Path) -> None:
    """Raise as ``save_baseline`` would, before a measurement whose result could not be kept."""
    if path.exists():
        _read(path)
    write_beside(path, "").unlink()


def save_baseline(path: Path, host: str, baseline: Mapping[str, Any]) -> None:
    """Add or replace the baseline of one host.

    Raises:
        EffmeterError: The file cannot be written.
        MeasurementError: The file exists and cannot be read.
    """
    hosts = _read(path) if path.exists() else {}
    hosts[host] = dict(baseline)
    text = json.dumps({"format": FORMAT, "hosts": hosts}, indent=2) + "\n"
    write_beside(path, text).replace(path)


def load_baselines(
    path: Path, parse: Callable[[Mapping[str, Any]], Baseline]
) -> dict[str, Baseline]:
    """The baselines by host.

    Args:
        path: The file.
        parse: Makes a baseline of what ``save_baseline`` was given; raises ValueError where
            it cannot.

    Raises:
        MeasurementError: There is no file, or no baseline in it, or it cannot be read.
    """
    if not path.exists():
        raise MeasurementError(f"there is no idle baseline ({path}): {REMEDY}")
    try:
        baselines = {host: parse(kept) for host, kept in _read(path).items()}
    except ValueError as error:
        raise _unreadable(path) from error
    if not baselines:
        raise _unreadable(path)
    return baselines


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text())
        if kept["format"] > FORMAT:
            raise MeasurementError(f"{path} was written by a newer effmeter: upgrade")
        return dict(kept["hosts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> MeasurementError:
    return MeasurementError(f"{path} cannot be read: remove it, then {REMEDY}")
