"""Run files are created where the user says, and never over another."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from effmeter.client import files
from effmeter.errors import RunFileError


@pytest.mark.parametrize(
    ("name", "is_path"), [("lenet", False), ("x.arrow", True), ("a/b", True), ("a.b", False)]
)
def test_a_name_with_a_folder_or_the_suffix_is_a_path(name: str, is_path: bool) -> None:
    assert files.is_path(name) is is_path


def test_a_path_gets_the_suffix_once() -> None:
    assert files.path_for("a/b", None, {}) == Path("a/b.arrow")
    assert files.path_for("a/b.arrow", None, {}) == Path("a/b.arrow")


def test_a_name_becomes_a_new_file_in_the_folder_of_runs() -> None:
    one, two = (files.path_for("LeNet 5/ü".replace("/", ":"), None, {}) for _ in range(2))
    assert one.parent == Path("runs")
    assert one.name.startswith("LeNet-5-")
    assert one.suffix == ".arrow"
    assert one != two


def test_the_folder_is_the_one_given_then_the_one_of_the_environment() -> None:
    environ = {"EFFMETER_RUNS": "elsewhere"}
    assert files.path_for("x", Path("here"), environ).parent == Path("here")
    assert files.path_for("x", None, environ).parent == Path("elsewhere")


def test_a_name_without_a_plain_character_is_a_run() -> None:
    assert files.path_for("..", None, {}).name.startswith("run-")


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.arrow").write_text("precious")
    with pytest.raises(RunFileError, match="there already"):
        files.create(tmp_path / "x.arrow")
    assert (tmp_path / "x.arrow").read_text() == "precious"


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(RunFileError, match="runs is there already"):
        files.create(tmp_path / "runs" / "x.arrow")


def test_a_recreated_file_is_another_one(tmp_path: Path) -> None:
    with files.NewFile(tmp_path / "x.arrow") as new:
        held = os.dup(new.descriptor)
        new.recreate()
        os.write(held, b"much later")
        os.close(held)
    assert (tmp_path / "x.arrow").stat().st_size == 0


@pytest.mark.parametrize("content", [b"", b"recorded"])
def test_an_error_removes_only_a_file_that_is_still_empty(tmp_path: Path, content: bytes) -> None:
    def record() -> None:
        with files.NewFile(tmp_path / "x.arrow") as new:
            os.write(new.descriptor, content)
            raise KeyError

    with pytest.raises(KeyError):
        record()
    assert (tmp_path / "x.arrow").exists() == bool(content)


def test_a_folder_that_cannot_be_written_names_the_ways_to_choose_another() -> None:
    with pytest.raises(RunFileError, match=r"directory= or -o, or set EFFMETER_RUNS$"):
        files.create(Path("/proc/nowhere/x.arrow"))


def test_a_new_file_is_locked_until_every_copy_of_its_descriptor_is_closed(tmp_path: Path) -> None:
    first = files.create(tmp_path / "x.arrow")
    copy = os.dup(first)
    os.close(first)
    with (tmp_path / "x.arrow").open("rb") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(copy)
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_that_the_users_mask_leaves(
    tmp_path: Path, mask: int
) -> None:
    earlier = os.umask(mask)
    try:
        descriptor = files.create(tmp_path / "x.arrow")
    finally:
        assert os.umask(earlier) == mask
    assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o666 & ~mask
    os.close(descriptor)
