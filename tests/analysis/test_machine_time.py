"""Runs that shared time on one machine are found by the clock that they share."""

from pathlib import Path
from typing import Any

from effmeter.analysis.machine_time import overlap_lines, overlapping
from effmeter.recorded.overlap import RecordedOverlap
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorded.run import RecordedRun
from tests.recorded.nested_runs import Inner, write_nested
from tests.runfile.writing import WALL_NS, RunFile, at, metadata


def lasting(path: Path, begin_s: float, end_s: float, **described: Any) -> RecordedRun:
    started = {"started_time_ns": at(begin_s), "started_wall_ns": WALL_NS + round(begin_s * 1e9)}
    with RunFile(path, metadata(**{**started, **described})) as file:
        file.end(end_s)
    return read_run(path)


def booted(boot: str, host: str = "host") -> dict[str, Any]:
    return {"host": {"name": host, "boot_id": boot}}


def test_runs_overlap_within_one_boot_of_one_machine(tmp_path: Path) -> None:
    runs = [
        lasting(tmp_path / "0", 0, 10, **booted("a")),
        lasting(tmp_path / "1", 9, 12, **booted("a", host="container")),
        lasting(tmp_path / "2", 12, 20, **booted("a")),
        lasting(tmp_path / "3", 2, 15, **booted("b")),
    ]
    assert list(overlapping(runs)) == [(0, 1)]


def test_files_without_a_boot_are_compared_by_host_and_wall_clock(tmp_path: Path) -> None:
    later = {"started_wall_ns": WALL_NS + 60_000_000_000}
    runs = [
        lasting(tmp_path / "0", 0, 10),
        lasting(tmp_path / "1", 0, 10, **later),
        lasting(tmp_path / "2", 5, 12),
        lasting(tmp_path / "3", 0, 10, host={"name": "another"}),
    ]
    assert list(overlapping(runs)) == [(0, 2)]


def test_a_file_without_a_boot_is_compared_with_those_of_its_host_that_have_one(
    tmp_path: Path,
) -> None:
    runs = [
        lasting(tmp_path / "0", 0, 10, **booted("a")),
        lasting(tmp_path / "1", 5, 12),
        lasting(tmp_path / "2", 12, 20, **booted("a")),
        lasting(tmp_path / "3", 0, 20, **booted("b", host="another")),
    ]
    assert list(overlapping(runs)) == [(0, 1)]


def test_runs_of_one_recording_are_compared_too(tmp_path: Path) -> None:
    inner = [Inner("a", 1, 4), Inner("b", 3, 6), Inner("c", 6, 7)]
    runs = read_runs(write_nested(tmp_path / "run.arrow", inner))[1:]
    assert list(overlapping(runs)) == [(0, 1)]


def test_an_overlap_whose_note_is_damaged_is_said_without_a_time() -> None:
    known = RecordedOverlap(2.0, "other", "/runs/other.arrow")
    assert list(overlap_lines([known, RecordedOverlap(None)])) == [
        "another recording, other (/runs/other.arrow), shared the machine for 2 s: both hold its "
        "whole energy there",
        "another recording, shared the machine for a time that is unknown: both hold its whole "
        "energy there",
    ]
