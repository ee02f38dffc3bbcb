"""The file of idle baselines: ``$XDG_STATE_HOME/effmeter/idle.json``.

It keeps one baseline per host, because several hosts may share a home directory.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from effmeter.errors import MeasurementError
from effmeter.state import json_file
from effmeter.state.folder import state_folder

FILE_NAME = "idle.json"
REMEDY = "run effmeter idle on that machine while nothing else runs"

Baseline = TypeVar("Baseline")


def baseline_path(environ: Mapping[str, str]) -> Path:
    """The path of the file; EffmeterError where there is no folder for it."""
    return state_folder(environ) / FILE_NAME


def check_writable(path: Path) -> None:
    """Raise as ``save_baseline`` would, before a measurement whose result could not be kept."""
    json_file.read_hosts(path, REMEDY)
    json_file.check_writable(path)


def save_baseline(path: Path, host: str, baseline: Mapping[str, Any]) -> None:
    """Add or replace the baseline of one host.

    Raises:
        EffmeterError: The file cannot be written.
        MeasurementError: The file exists and cannot be read.
    """
    hosts = json_file.read_hosts(path, REMEDY)
    hosts[host] = dict(baseline)
    json_file.write_hosts(path, hosts)


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
    hosts = json_file.read_hosts(path, REMEDY)
    if not hosts:
        raise MeasurementError(f"there is no idle baseline ({path}): {REMEDY}")
    try:
        return {host: parse(kept) for host, kept in hosts.items()}
    except ValueError as error:
        raise json_file.not_readable(path, REMEDY) from error
