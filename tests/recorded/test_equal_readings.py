"""One meter under the names of two hosts is found by its readings."""

from pathlib import Path

from effmeter.channel import Component
from effmeter.recorded.equal_readings import equal_meters
from effmeter.recorded.reading import read_runs
from tests.runfile.writing import RunFile, every, gauge, metadata


def host(folder: Path, name: str, step_w: float, count: int = 40) -> None:
    described = metadata(
        name="job",
        channels=(gauge("wall", Component.WALL),),
        host={"name": name},
        job={"id": "job-7", "host_count": 3},
    )
    with RunFile(folder / f"{name}.arrow", described) as file:
        for place, time_s in enumerate(every(0.1, 0, count / 10)):
            file.row(time_s, channel="wall", power_w=100.0 + (place * place * step_w) % 17)
        file.end(count / 10)


def test_hosts_with_the_same_readings_are_named_together(tmp_path: Path) -> None:
    for name, step_w in (("a", 1.25), ("b", 3.5), ("c", 1.25)):
        host(tmp_path, name, step_w)
    (run,) = read_runs(tmp_path)
    assert list(equal_meters(run)) == [("a/wall", "c/wall")]


def test_a_few_readings_and_steady_ones_may_be_equal_by_chance(tmp_path: Path) -> None:
    for name in ("a", "b"):
        host(tmp_path, name, 1.25, count=10)
    (run,) = read_runs(tmp_path)
    assert list(equal_meters(run)) == []
    for name in ("a", "b"):
        host(tmp_path, name, 0.0)
    (run,) = read_runs(tmp_path)
    assert list(equal_meters(run)) == []
