"""The settings file of this machine: ``effmeter/config.toml``."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

CONFIG_FILE = Path("effmeter", "config.toml")
_ROOT = 0
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def config_file(environ: Mapping[str, str]) -> Path | None:
    """The settings' file that holds here; None if there is none."""
    home = environ.get("XDG_CONFIG_HOME") or (
        f"{environ['HOME']}/.config" if environ.get("HOME") else ""
    )
    folders = (home, *(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"))
    files = (Path(folder) / CONFIG_FILE for folder in folders if folder)
    return next((path for path in files if path.is_file()), None)


class Doubt(NamedTuple):
    """Why another user can have written the settings, and the command that rules it out."""

    reason: str
    remedy: str


def load(path: Path) -> tuple[dict[str, Any], Doubt | None]:
    """The settings; the doubt where another user than root or this one can have written them.

    OSError where the file cannot be read, ValueError where it is no TOML.
    """
    import tomllib  # most machines have no settings

    with open(path, "rb") as file:
        return tomllib.loads(file.read().decode("utf-8")), _doubt(file.fileno(), path)


def _doubt(descriptor: int, path: Path) -> Doubt | None:
    """Who else can have written what was read: the file's owner, or all who may change it."""
    found = os.fstat(descriptor)
    if found.st_uid not in _trusted():
        return Doubt(f"it belongs to user {found.st_uid}", f"sudo chown root {path}")
    if found.st_mode & _OTHERS_WRITE:
        return Doubt("others may write it", f"sudo chmod go-w {path}")
    # The folder in which a link stands counts too: who may write there may turn it elsewhere.
    folders = dict.fromkeys((path.resolve().parent, path.absolute().parent))
    return next((doubt for folder in folders if (doubt := _doubt_of_folder(folder))), None)


def _doubt_of_folder(folder: Path) -> Doubt | None:
    found = folder.stat()
    if found.st_uid not in _trusted():
        reason = f"another user may replace it: its folder belongs to user {found.st_uid}"
        return Doubt(reason, f"sudo chown root {folder}")
    if found.st_mode & _OTHERS_WRITE:
        return Doubt(
            "others may replace it: they may write its folder", f"sudo chmod go-w {folder}"
        )
    return None


def _trusted() -> tuple[int, int]:
    return _ROOT, os.geteuid()
