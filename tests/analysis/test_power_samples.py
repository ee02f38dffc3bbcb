"""The sum of power samples over a window: what was read there, and nothing where nothing was."""

import math
from pathlib import Path

import pytest

from effmeter.analysis.power_samples import power_samples_over
from effmeter.channel import Channel
from effmeter.cover import Cover
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.runfile.writing import RunFile, at, counter, every, gauge, metadata

GAUGE = gauge()
COUNTER = counter()
SILENT = gauge("gpu1-power")


@pytest.fixture
def run(tmp_path: Path) -> RecordedRun:
    """Ten seconds: a gauge that shows 100 W each second, a counter read twice a second at 20 W."""
    with RunFile(tmp_path / "run.arrow", metadata(channels=(GAUGE, COUNTER, SILENT))) as file:
        file.show(GAUGE.name, every(1, 0, 10), 100.0)
        file.count(COUNTER.name, every(0.5, 0, 10), 20.0)
        file.end(10.0)
    return read_run(file.path)


def summed_w(run: RecordedRun, *channels: Channel, begin_s: float, end_s: float) -> float | None:
    found = power_samples_over(run, Cover(channels, (), ()), at(begin_s), at(end_s))
    return None if found is None else found.value_j


def test_a_gauge_gives_the_readings_after_the_beginning_up_to_the_end(run: RecordedRun) -> None:
    assert summed_w(run, GAUGE, begin_s=2, end_s=5) == pytest.approx(300)
    assert summed_w(run, GAUGE, begin_s=1.5, end_s=5.5) == pytest.approx(400)


def test_two_windows_that_meet_share_no_sample(run: RecordedRun) -> None:
    parts_w = [summed_w(run, GAUGE, begin_s=b, end_s=e) for b, e in ((0, 4), (4, 10), (0, 10))]
    assert parts_w == pytest.approx([400, 600, 1000])


def test_a_counter_gives_its_mean_power_for_each_of_its_readings(run: RecordedRun) -> None:
    assert summed_w(run, COUNTER, begin_s=2, end_s=5) == pytest.approx(6 * 20.0, rel=1e-3)


def test_the_channels_of_a_cover_add_and_the_sum_has_no_interval(run: RecordedRun) -> None:
    found = power_samples_over(run, Cover((GAUGE, COUNTER), (), ()), at(2), at(5))
    assert found is not None
    assert found.value_j == pytest.approx(300 + 120, rel=1e-3)
    assert math.isnan(found.low_j)
    assert math.isnan(found.high_j)


def test_a_window_without_a_sample_has_no_sum(run: RecordedRun) -> None:
    assert summed_w(run, GAUGE, begin_s=2.2, end_s=2.8) is None
    assert summed_w(run, COUNTER, begin_s=2.1, end_s=2.4) is None


def test_a_sum_that_lacks_a_channel_of_the_cover_is_none(run: RecordedRun) -> None:
    assert summed_w(run, GAUGE, SILENT, begin_s=2, end_s=5) is None
    assert summed_w(run, begin_s=2, end_s=5) is None
