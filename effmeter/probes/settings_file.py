"""The settings file of this machine: ``effmeter/config.toml``."""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def load(path: Path) -> tuple[dict[str, Any], str]:
    """The settings, and why others could have written them (empty: only root or this user could).

    OSError where the file cannot be read, ValueError where it is no TOML.
    """
    with open(path, "rb") as file:
        return tomllib.loads(file.read().decode("utf-8")), _others_may_write(file.fileno(), path)


def _others_may_write(descriptor: int, path: Path) -> str:
    """Who else may have written what was read: the file's owner, or all who may change it."""
    found = os.fstat(descriptor)
    if found.st_uid not in (_ROOT, os.geteuid()):
        return f"it belongs to user {found.st_uid}"
    if found.st_mode & _OTHERS_WRITE:
        return "others may write it"
    if path.resolve().parent.stat().st_mode & _OTHERS_WRITE:
        return "others may replace it: they may write its folder"
    return ""
