"""The file of idle baselines: ``$XDG_STATE_HOME/effmeter/idle.json``.

It keeps one baseline per host, because several hosts may share a home directory.
"""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from effmeter.errors import EffmeterError, MeasurementError

FORMAT = 1
FILE_NAME = "idle.json"
REMEDY = "run effmeter idle on that machine while nothing else runs"

Baseline = TypeVar("Baseline")


def baseline_path(environ: Mapping[str, str]) -> Path:
    """The path of the file; ``~/.local/state`` stands in for an unset ``XDG_STATE_HOME``."""
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "~")) / ".local" / "state"
    return Path(state).expanduser() / "effmeter" / FILE_NAME


def save_baseline(path: Path, host: str, baseline: Mapping[str, Any]) -> None:
    """Add or replace the baseline of one host.

    Raises:
        EffmeterError: The file cannot be written.
        MeasurementError: The file exists and cannot be read.
    """
    hosts = _read(path) if path.exists() else {}
    hosts[host] = dict(baseline)
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps({"format": FORMAT, "hosts": hosts}, indent=2) + "\n")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise EffmeterError(f"{path} cannot be written: {error.strerror}") from error


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
