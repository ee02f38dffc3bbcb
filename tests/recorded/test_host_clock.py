"""Moments of one host's clock as moments of another's, by the marks of both."""

from pathlib import Path

import pytest

from effmeter.recorded.host_clock import HostClock
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.recorded.job_files import Host
from tests.runfile.writing import at

ALONE = {"id": "job", "host_count": 1}


def of(folder: Path, *epochs_s: float, begin_s: float = 0.0) -> RecordedRun:
    folder.mkdir()
    return read_run(Host("a", 0, 20.0, begin_s, epochs_s, job=ALONE).write(folder))


def test_epochs_are_matched_by_number_and_moments_within_by_their_share(tmp_path: Path) -> None:
    lead, member = of(tmp_path / "a", 2.0, 3.0), of(tmp_path / "b", 4.0, 1.0, begin_s=1000.0)
    clock = HostClock(lead, member)
    windows: dict[tuple[float, float], tuple[float, float]] = {
        (0, 7): (1000, 1007),
        (0, 1): (1000, 1001),
        (1, 3): (1001, 1005),
        (1.5, 2): (1002, 1003),
        (3, 6): (1005, 1006),
        (6, 6.5): (1006, 1006.5),
    }
    for (begin_s, end_s), expected in windows.items():
        assert clock.window(at(begin_s), at(end_s)) == pytest.approx(tuple(map(at, expected)))


def test_a_host_has_no_part_in_what_came_after_its_end(tmp_path: Path) -> None:
    lead, member = of(tmp_path / "a", 2.0, 2.0, 5.0), of(tmp_path / "b", 2.0)
    clock = HostClock(lead, member)
    assert clock.window(at(1), at(5)) == (at(1), at(4)), "its block ends a second after its epoch"
    assert clock.window(at(5), at(10)) is None
    assert clock.window(lead.begin_ns, lead.end_ns) == (member.begin_ns, member.end_ns)


def test_runs_without_epochs_are_matched_from_end_to_end(tmp_path: Path) -> None:
    lead, member = of(tmp_path / "a"), of(tmp_path / "b", begin_s=50.0)
    assert HostClock(lead, member).window(at(0.5), at(1)) == (at(50.5), at(51))
