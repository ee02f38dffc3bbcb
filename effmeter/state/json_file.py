"""A small file that keeps something of each host; several hosts may share a home directory.

It is replaced as a whole, so that no reader sees half of it.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from effmeter.errors import EffmeterError, MeasurementError
from effmeter.state.folder import REMEDY

FORMAT = 1


def read_hosts(path: Path, remedy: str) -> dict[str, Any]:
    """What the file keeps, by host; empty where there is no file.

    MeasurementError where it cannot be read; ``remedy`` says how to make it anew.
    """
    try:
        kept = json.loads(path.read_text())
        if kept["format"] > FORMAT:
            raise MeasurementError(f"{path} was written by a newer effmeter: upgrade")
        return dict(kept["hosts"])
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise MeasurementError(f"{path} cannot be read ({error.strerror}): {REMEDY}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise not_readable(path, remedy) from error


def not_readable(path: Path, remedy: str) -> MeasurementError:
    """The error for a file that does not hold what it should."""
    return MeasurementError(f"{path} cannot be read: remove it, then {remedy}")


def write_hosts(path: Path, hosts: Mapping[str, Any]) -> None:
    """Replace the file; EffmeterError where it cannot be written."""
    text = json.dumps({"format": FORMAT, "hosts": hosts}, indent=2) + "\n"
    _write_beside(path, text).replace(path)


def check_writable(path: Path) -> None:
    """Raise as ``write_hosts`` would, before a measurement whose result could not be kept."""
    _write_beside(path, "").unlink()


def _write_beside(path: Path, text: str) -> Path:
    """A temporary file beside a path, with this text; EffmeterError where it cannot be written."""
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        reason = f"{path} cannot be written ({error.strerror})"
        raise EffmeterError(f"{reason}: {REMEDY}") from error
    return temporary
