"""Lines of files from strangers: numbered, bounded, never a traceback."""

from pathlib import Path

import pytest

from effmeter.errors import LogError
from effmeter.importers.lines import MOST_LINE_CHARACTERS, numbered_lines, quoted


def test_lines_are_numbered_whatever_ends_them(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\nthree")
    found = [(number, line.strip()) for number, line in numbered_lines(path)]
    assert found == [(1, "one"), (2, "two"), (3, "three")]


def test_what_is_no_text_or_too_long_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n" + b"x" * (MOST_LINE_CHARACTERS + 1))
    with pytest.raises(LogError, match=r"log, line 2: it has more than 65536 characters"):
        list(numbered_lines(path))
    path.write_bytes(b"one\n\xff\xfe")
    with pytest.raises(LogError, match="no UTF-8 text"):
        list(numbered_lines(path))
    with pytest.raises(LogError, match="cannot be read: No such file"):
        list(numbered_lines(tmp_path / "none"))


def test_output_of_programs_is_cut_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xff\n" + b"x" * 3 * MOST_LINE_CHARACTERS + b"\nlast\n")
    found = [line.strip()[:4] for _, line in numbered_lines(path, is_output=True)]
    assert found == ["�", "xxxx", "last"]


def test_quotes_are_short() -> None:
    assert quoted("a") == "'a'"
    assert len(quoted("x" * 1000)) < 70
