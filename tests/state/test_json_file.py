"""A file is replaced as a whole, or stays as it was."""

from pathlib import Path

import pytest

from effmeter.errors import EffmeterError
from effmeter.state.json_file import write_beside


def test_a_temporary_file_lies_beside_the_one_that_it_replaces(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "idle.json"
    temporary = write_beside(path, "{}")
    assert temporary.parent == path.parent
    assert temporary.read_text() == "{}"
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EffmeterError, match=r"cannot be written .*: set XDG_STATE_HOME"):
        write_beside(tmp_path / "file" / "idle.json", "{}")
