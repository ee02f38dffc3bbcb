import os
from pathlib import Path

import pytest

from effmeter.probes.settings_file import Doubt, config_file, load


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "effmeter" / "config.toml"
    path.parent.mkdir()
    path.write_text("[wall]\ninterval_s = 2\n")
    path.chmod(0o600)
    return path


def doubt_of(path: Path) -> Doubt:
    _, doubt = load(path)
    assert doubt is not None
    return doubt


def test_the_settings_of_the_user_or_of_root_are_trusted(path: Path) -> None:
    assert load(path) == ({"wall": {"interval_s": 2}}, None)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_not(path: Path, mode: int) -> None:
    path.chmod(mode)
    assert doubt_of(path) == Doubt("others may write it", f"sudo chmod go-w {path}")


def test_a_link_is_judged_by_the_file_that_it_names(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    assert load(link)[1] is None
    path.parent.chmod(0o770)
    assert doubt_of(link).remedy == f"sudo chmod go-w {path.parent}"


def test_a_link_that_others_may_turn_elsewhere_is_not_trusted(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    link = folder / "config.toml"
    link.symlink_to(path)
    assert doubt_of(link).remedy == f"sudo chmod go-w {folder}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_a_file_in_the_folder_of_another_user_is_not_trusted(path: Path) -> None:
    os.chown(path.parent, 4321, -1)
    assert "its folder belongs to user 4321" in doubt_of(path).reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_file_of_another_user_is_not_trusted(path: Path) -> None:
    os.chown(path, 4321, -1)
    assert doubt_of(path) == Doubt("it belongs to user 4321", f"sudo chown root {path}")


@pytest.mark.parametrize("content", [b"[wall", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_what_is_no_toml_is_an_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011  # its words are tomllib's
        load(path)


def test_a_machine_without_settings_has_no_file() -> None:
    assert config_file({"XDG_CONFIG_DIRS": "/nowhere"}) is None
