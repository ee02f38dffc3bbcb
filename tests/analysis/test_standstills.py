"""What a report says of counters that stand still: which, since when, and what counts instead."""

from pathlib import Path

from effmeter.analysis.standstills import standstill_lines
from effmeter.channel import Channel, Component, Provenance
from effmeter.recorded.reading import read_run
from tests.runfile.writing import RunFile, at, counter, every, gauge, metadata

CPU = counter("cpu0", least_power_w=0.1)
ESTIMATE = counter("cpu-estimate", provenance=Provenance.ESTIMATED, estimate_factor=2.5)
GPU = counter("gpu0", Component.GPU, refresh_s=0.1, least_power_w=1.0)
GPU_GAUGE = gauge("gpu0-power", contained_in="gpu0")


def said(
    folder: Path, *channels: Channel, stops_s: float, window_s: tuple[float, float] = (0, 10)
) -> list[str]:
    """What is said of ten seconds in which the first channel stops at a moment."""
    with RunFile(folder / "run.arrow", metadata(channels=channels)) as file:
        for channel in channels:
            if channel.kind == "gauge":
                file.show(channel.name, every(0.1, 0, 10), 50.0)
            for time_s in every(0.1, 0, 10) if channel.kind == "counter" else ():
                moved_s = min(time_s, stops_s) if channel is channels[0] else time_s
                file.row(time_s, channel=channel.name, energy_j=50.0 * moved_s)
        file.end(10.0)
    run = read_run(file.path)
    return list(standstill_lines(run, run.breakdown(at(window_s[0]), at(window_s[1]))))


def test_counter_that_never_moves_is_named_with_what_counts_instead(tmp_path: Path) -> None:
    assert said(tmp_path, CPU, ESTIMATE, stops_s=0) == [
        "cpu0: the counter stands still; cpu-estimate counts instead"
    ]


def test_counter_that_stops_is_named_with_the_moment(tmp_path: Path) -> None:
    assert said(tmp_path, GPU, GPU_GAUGE, stops_s=4) == [
        "gpu0: the counter stands still from 4 s on; gpu0-power counts instead"
    ]


def test_counter_that_nothing_stands_in_for_is_bounded(tmp_path: Path) -> None:
    assert said(tmp_path, CPU, stops_s=4) == [
        "cpu0: the counter stands still from 4 s on; its energy there is bounded"
    ]


def test_counter_that_moves_in_the_window_is_not_named(tmp_path: Path) -> None:
    assert said(tmp_path, CPU, ESTIMATE, stops_s=4, window_s=(0, 3)) == []
    (tmp_path / "run.arrow").unlink()
    assert said(tmp_path, CPU, ESTIMATE, stops_s=10) == []


def test_counter_that_no_total_counts_is_not_named(tmp_path: Path) -> None:
    check = counter("cpu0-pyrapl", least_power_w=0.1, contained_in="cpu0")
    assert said(tmp_path, check, counter("cpu0"), stops_s=0) == []
