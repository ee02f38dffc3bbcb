"""How much memory a run's programs used, from its rows."""

from pathlib import Path

import pytest

from effmeter.recorded.reading import read_run
from effmeter.recorded.records import MemoryUse
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from tests.runfile.writing import RunFile, metadata


@pytest.fixture
def file(tmp_path: Path) -> RunFile:
    return RunFile(tmp_path / "run.arrow")


def ended(file: RunFile, time_s: float = 10.0) -> RecordedRun:
    with file:
        file.end(time_s)
    return read_run(file.path)


def test_the_average_is_over_time_and_the_peak_is_the_highest_row(file: RunFile) -> None:
    file.event(0, Event.MEMORY, name="ram", value=100.0)
    file.event(6, Event.MEMORY, name="ram", value=300.0)
    file.event(6, Event.MEMORY, name="ram", value=900.0, text="peak")
    file.event(8, Event.MEMORY, name="ram", value=200.0)
    (use,) = ended(file).memory.values()
    assert use.average_bytes == pytest.approx(160.0)
    assert use.peak_bytes == 900.0


def test_what_is_unknown_counts_for_nothing_and_says_why(file: RunFile) -> None:
    file.event(0, Event.MEMORY, name="gpu0", value=50.0)
    file.event(5, Event.MEMORY, name="gpu0", text="GPU is lost")
    file.event(0, Event.MEMORY, name="gpu1", text="no permission")
    assert ended(file).memory == {
        "gpu0": MemoryUse(50.0, 50.0, "GPU is lost"),
        "gpu1": MemoryUse(None, None, "no permission"),
    }


def test_of_several_ranks_the_one_that_used_most_counts(file: RunFile) -> None:
    for rank, peaks in enumerate(((10.0, 20.0), (15.0, 40.0), (30.0, 30.0))):
        for time_s, peak in zip((1, 2), peaks, strict=True):
            source = f"host/{rank}/4{rank}"
            row = {"name": "torch-cuda0", "value": peak, "text": "peak"}
            file.event(time_s, Event.MEMORY, source=source, **row)
    assert ended(file).memory == {"torch-cuda0": MemoryUse(None, 40.0)}


def test_one_look_alone_is_the_average(file: RunFile) -> None:
    file.event(10, Event.MEMORY, name="ram", value=70.0)
    assert ended(file).memory == {"ram": MemoryUse(70.0, 70.0)}


def test_the_stretch_between_two_recorders_counts_for_nothing(file: RunFile) -> None:
    file.event(0, Event.MEMORY, name="ram", value=100.0)
    file.event(2, Event.NOTE, name="user:last", text="")
    file.kill()
    second = RunFile(file.path.with_name("run.2.arrow"), metadata(part=2))
    second.event(50, Event.MEMORY, name="ram", value=300.0)
    with second:
        second.end(52)
    use = read_run(file.path).memory["ram"]
    assert use.average_bytes == pytest.approx(200.0)
    assert use.peak_bytes == 300.0


def test_a_run_without_such_rows_knows_of_no_memory(file: RunFile) -> None:
    assert ended(file).memory == {}


def test_less_than_no_bytes_are_no_memory(file: RunFile) -> None:
    file.event(0, Event.MEMORY, name="ram", value=100.0)
    file.event(5, Event.MEMORY, name="ram", value=-1.0)
    assert ended(file).memory == {"ram": MemoryUse(100.0, 100.0)}
