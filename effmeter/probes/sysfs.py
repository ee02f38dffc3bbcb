"""Small files of sysfs: a text or a number each, or nothing where they cannot be read."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

SYSFS_VARIABLE = "EFFMETER_SYSFS"
"""Where sysfs is mounted, for containers that mount the host's elsewhere than at ``/sys``."""


def sysfs_of(environ: Mapping[str, str]) -> Path:
    """Where sysfs is mounted."""
    return Path(environ.get(SYSFS_VARIABLE) or "/sys")


def read_text(path: Path) -> str | None:
    """The file's text without the space around it; None if it cannot be read."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip()
    return None


def read_number(path: Path) -> int | None:
    """The whole number in the file; None if it cannot be read or is none."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_bytes())
    return None
