"""A file is replaced as a whole, or stays as it was."""

import os
from pathlib import Path

import pytest

from effmeter.errors import EffmeterError, MeasurementError
from effmeter.state.json_file import check_writable, read_hosts, write_hosts


def test_what_was_written_is_read_and_no_other_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "idle.json"
    assert read_hosts(path, "") == {}
    write_hosts(path, {"host": 1})
    write_hosts(path, {"host": 2})
    assert read_hosts(path, "") == {"host": 2}
    assert list(path.parent.iterdir()) == [path]


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "folder" / "idle.json")
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for write in (check_writable, lambda path: write_hosts(path, {})):
        with pytest.raises(EffmeterError, match=r"cannot be written .*: set XDG_STATE_HOME"):
            write(tmp_path / "file" / "idle.json")


def test_a_folder_of_another_user_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    path = home / "idle.json" if os.getuid() else home / ("n" * 300)  # root may read all
    if os.getuid():
        home.chmod(0)
    with pytest.raises(MeasurementError, match=r"cannot be read \(.*\): set XDG_STATE_HOME"):
        read_hosts(path, "")
    home.chmod(0o700)
