"""A journal is read as it grows, as if it were read anew each time."""

import os
from pathlib import Path

import pytest

from effmeter.client.journal_reader import JournalReader
from tests.client.journal_entries import entry


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def add(place: Path, *lines: str) -> None:
    with place.open("a") as file:
        file.write("".join(f"\n{line}\n" for line in lines))


def test_lines_that_come_later_are_taken_in(place: Path) -> None:
    reader, parts = JournalReader(), [entry(str(number)) for number in range(3)]
    add(place, parts[0].begin_line(), parts[1].begin_line())
    assert reader.entries(place) == parts[:2]
    add(place, parts[2].begin_line(), parts[0].end_line(parts[0].begin_ns + 7))
    found = reader.entries(place)
    assert [part.run_id for part in found] == ["0", "1", "2"]
    assert [part.end_ns for part in found] == [parts[0].begin_ns + 7, None, None]
    assert found == JournalReader().entries(place)


def test_a_line_that_is_being_written_is_read_once_it_is_whole(place: Path) -> None:
    reader, line = JournalReader(), entry("r").begin_line()
    place.write_text(line[:20])
    assert reader.entries(place) == []
    with place.open("a") as file:
        file.write(line[20:] + "\n")
    assert reader.entries(place) == [entry("r")]


@pytest.mark.parametrize("in_place", [True, False])
def test_another_file_in_its_place_is_read_from_its_beginning(place: Path, in_place: bool) -> None:
    reader = JournalReader()
    add(place, entry("old").begin_line())
    reader.entries(place)
    fresh = place if in_place else place.with_name("new")
    fresh.write_text("".join(f"{entry(str(n)).begin_line()}\n" for n in range(3)))
    os.replace(fresh, place)
    assert [part.run_id for part in reader.entries(place)] == ["0", "1", "2"]


def test_a_file_that_is_missing_or_no_file_is_an_error(place: Path) -> None:
    reader = JournalReader()
    with pytest.raises(FileNotFoundError):
        reader.entries(place)
    os.mkfifo(place)
    with pytest.raises(OSError, match="no file of this user"):
        reader.entries(place)


def test_a_forked_child_reads_it_anew(place: Path) -> None:
    reader = JournalReader()
    add(place, entry("r").begin_line())
    reader.entries(place)
    reader.forget()
    assert reader.entries(place) == [entry("r")]
