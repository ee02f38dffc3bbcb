"""Where a machine remembers, whoever the user is."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from effmeter.state.folder import state_folder

WITHOUT_ENTRY = """
import os
from effmeter.errors import EffmeterError
from effmeter.state.folder import state_folder
os.setuid(54321)
try:
    state_folder({})
except EffmeterError as error:
    print(error)
"""


def test_the_variable_wins_over_the_home_directory() -> None:
    assert state_folder({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/effmeter")
    assert state_folder({"HOME": "/h"}) == Path("/h/.local/state/effmeter")


@pytest.mark.parametrize("environ", [{"HOME": ""}, {"XDG_STATE_HOME": "", "HOME": ""}, {}])
def test_an_empty_variable_does_not_mean_the_working_folder(environ: dict[str, str]) -> None:
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert state_folder(environ) == home / ".local/state/effmeter"


def test_a_relative_path_does_not_count() -> None:
    environ = {"XDG_STATE_HOME": "state", "HOME": "/h"}
    assert state_folder(environ) == Path("/h/.local/state/effmeter")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become a user without an entry")
def test_a_user_without_any_home_directory_is_told_the_variable() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "HOME"}
    command = [sys.executable, "-c", WITHOUT_ENTRY]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "this user has no home directory: set XDG_STATE_HOME to a folder that can be written\n"
    )
