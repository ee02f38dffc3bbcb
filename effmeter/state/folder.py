"""The folder of what a machine remembers: ``$XDG_STATE_HOME/effmeter``."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from effmeter.errors import EffmeterError

REMEDY = "set XDG_STATE_HOME to a folder that can be written"


def state_folder(environ: Mapping[str, str]) -> Path:
    """The path of the folder, which need not exist.

    ``~/.local/state`` stands in for an unset ``XDG_STATE_HOME``; relative paths do not count.
    EffmeterError where the user has no home directory either.
    """
    for base in (environ.get("XDG_STATE_HOME"), _in_home(environ)):
        if base and Path(base).is_absolute():
            return Path(base) / "effmeter"
    raise EffmeterError(f"this user has no home directory: {REMEDY}")


def _in_home(environ: Mapping[str, str]) -> str | None:
    home = environ.get("HOME")
    if not home:
        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return None
    return f"{home}/.local/state"
