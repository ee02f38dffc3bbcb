"""Small files of sysfs: a text or a number, or nothing."""

from pathlib import Path

import pytest

from effmeter.probes.sysfs import read_number, read_text


def test_a_text_comes_without_the_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "name").write_text(" package-0 \n")
    assert read_text(tmp_path / "name") == "package-0"


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"262143328850\n", 262143328850),
        (b"-1", -1),
        (b"", None),
        (b"1.5\n", None),
        (b"\xe9", None),
    ],
)
def test_a_number_is_whole_or_none(tmp_path: Path, content: bytes, number: int | None) -> None:
    (tmp_path / "energy_uj").write_bytes(content)
    assert read_number(tmp_path / "energy_uj") == number


def test_zero_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "energy_uj").write_text("0\n")
    assert read_number(tmp_path / "energy_uj") == 0


def test_a_file_that_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"\xe9")
    assert read_text(tmp_path / "name") is None
    for absent in (tmp_path / "absent", tmp_path):
        assert read_text(absent) is None
        assert read_number(absent) is None
