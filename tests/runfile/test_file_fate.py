"""What others do to a run file while it is written."""

import os
from pathlib import Path

import pytest

from effmeter.runfile.file_fate import CUT, DELETED, FileFate


@pytest.mark.parametrize(
    ("happens", "loss"),
    [
        (lambda path: None, None),
        (lambda path: path.unlink(), DELETED),
        (lambda path: os.truncate(path, 3), CUT),
        (lambda path: path.rename(path.with_name("elsewhere")), None),
    ],
    ids=["nothing", "deleted", "cut", "renamed"],
)
def test_a_file_that_was_deleted_or_cut_is_noticed(
    tmp_path: Path, happens: "object", loss: str | None
) -> None:
    path = tmp_path / "x.arrow"
    with path.open("wb", buffering=0) as file:
        fate = FileFate(file.fileno())
        file.write(b"x" * 10)
        assert callable(happens)
        happens(path)
        fate.look(10)
    assert fate.loss == loss


def test_a_cut_is_noticed_though_the_file_grows_again(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    with path.open("wb", buffering=0) as file:
        fate = FileFate(file.fileno())
        file.write(b"x" * 10)
        os.truncate(path, 0)
        fate.look(10)
        os.truncate(path, 20)
        fate.look(20)
    assert fate.loss == CUT


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux has memfd_create")
def test_a_file_that_never_had_a_name_loses_none() -> None:
    descriptor = os.memfd_create("x")
    fate = FileFate(descriptor)
    fate.look(0)
    os.close(descriptor)
    assert fate.loss is None
