"""A sum over meters of which some are one says so, with what it is counted once."""

from pathlib import Path

import pytest

from effmeter.analysis.repeated_meters import repeated_among
from effmeter.analysis.run_analysis import analyse
from effmeter.channel import Component
from effmeter.recorded.host_merging import merge_hosts
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.runfile.writing import RunFile, every, gauge, metadata


def power_w(second: int, offset: int = 0) -> float:
    return 100.0 + (7 * second + offset) % 11


def recorded(path: Path, host: str, offsets: tuple[int, ...], job: str = "job") -> RecordedRun:
    """A minute of a machine's feeds, each with a course of its own offset."""
    feeds = [
        gauge(f"wall-{i}", Component.WALL, is_feed=True, window_s=1.0, refresh_s=1.0, device=f"{i}")
        for i in range(len(offsets))
    ]
    described = metadata(channels=tuple(feeds), host={"name": host}, job={"id": job})
    with RunFile(path, described) as file:
        for feed, offset in zip(feeds, offsets, strict=True):
            for time_s in every(1, 0, 60):
                file.show(feed.name, [time_s], power_w(round(time_s), offset))
        file.end(60)
    return read_run(path)


def test_two_feeds_of_one_meter_are_named_with_both_sums(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.arrow", "host", (0, 3, 0))
    found = repeated_among([run])
    assert found is not None
    assert [group.names for group in found.groups] == [("wall-0", "wall-2")]
    assert found.counted is not None
    assert found.once is not None
    assert found.counted.value_j == pytest.approx(3 * 105 * 60, rel=0.02)
    assert found.once.value_j == pytest.approx(2 * 105 * 60, rel=0.02)
    (warning,) = [text for text in analyse(run).warnings if "equal readings" in text]
    assert "wall-0 = wall-2: one meter under several names?" in warning
    assert "18.9 kJ; with each meter counted once it is 12.6 kJ" in warning


def test_hosts_of_one_job_are_compared_and_others_are_not(tmp_path: Path) -> None:
    runs = [
        recorded(tmp_path / f"{host}.arrow", host, (0, 3)[: 1 + (host == "b")], job)
        for host, job in (("a", "one"), ("b", "one"), ("c", "two"))
    ]
    job, other = merge_hosts(runs)
    (caution,) = [text for text in analyse(job).warnings if "equal readings" in text]
    assert "a = b/wall-0: one meter" in caution
    assert not any("equal readings" in text for text in analyse(other).warnings)


def test_a_run_of_different_meters_has_no_caution(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.arrow", "host", (0, 3))
    assert repeated_among([run]) is None
    assert not any("equal readings" in text for text in analyse(run).warnings)
