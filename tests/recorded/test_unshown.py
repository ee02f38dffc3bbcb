"""What readings do not show: standstills and interruptions, found in the readings themselves."""

from pathlib import Path
from typing import Any

import pytest

from effmeter.channel import Channel, Component, Provenance
from effmeter.energy import Energy
from effmeter.energy.standstill import NOT_READ, STANDS_STILL
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from tests.runfile.writing import RunFile, at, counter, every, gauge, metadata

RATE: dict[str, Any] = {"rate_hz": 10.0}
PACKAGE = counter("cpu0", least_power_w=0.1, max_power_w=300.0)
OLD_PACKAGE = counter("cpu0", source="/sys/class/powercap/intel-rapl:0/energy_uj")
ESTIMATE = counter(
    "cpu-estimate", provenance=Provenance.ESTIMATED, refresh_s=0.05, estimate_factor=2.5
)
GPU = counter("gpu0", Component.GPU, refresh_s=0.1, least_power_w=1.0, gain_error_fraction=0.05)
GPU_GAUGE = gauge("gpu0-power", contained_in="gpu0", window_s=0.1)
CPU_W, GPU_W = 70.0, 200.0


class Written:
    """A run of ten seconds in which counters stop and gauges go unread."""

    def __init__(self, folder: Path, *channels: Channel) -> None:
        self.file = RunFile(folder / "run.arrow", metadata(channels=channels, sampling=RATE))

    def count(self, channel: Channel, power_w: float, until_s: float = 10.0) -> None:
        """A counter at constant power that stands still from a moment on."""
        for time_s in every(0.1, 0, 10):
            energy_j = power_w * min(time_s, until_s)
            self.file.row(time_s, channel=channel.name, energy_j=energy_j)

    def show(self, channel: Channel, power_w: float, *stretches: tuple[float, float]) -> None:
        for begin_s, end_s in stretches or ((0, 10),):
            self.file.show(channel.name, every(0.1, begin_s, end_s), power_w)

    def read(self) -> RecordedRun:
        self.file.end(10.0)
        return read_run(self.file.path)


def known(energy: Energy | None) -> Energy:
    assert energy is not None
    return energy


@pytest.mark.parametrize("package", [PACKAGE, OLD_PACKAGE], ids=["stated", "of an earlier version"])
def test_package_that_never_moves_is_estimated_never_zero(tmp_path: Path, package: Channel) -> None:
    written = Written(tmp_path, package, ESTIMATE)
    written.count(package, 0.0)
    written.count(ESTIMATE, 60.0)
    whole = written.read().breakdown()
    assert whole.cover.names == ("cpu-estimate",)
    assert known(whole.total).value_j == pytest.approx(600.0)
    (package_energy, _) = whole.channels
    assert (package_energy.energy, package_energy.left_out) == (None, STANDS_STILL)


def test_package_that_never_moves_is_missing_where_nothing_estimates_it(tmp_path: Path) -> None:
    other = counter("cpu1", least_power_w=0.1)
    written = Written(tmp_path, PACKAGE, other)
    written.count(PACKAGE, 0.0)
    written.count(other, CPU_W)
    whole = written.read().breakdown()
    assert [(m.what, m.reason) for m in whole.missing] == [("cpu0", STANDS_STILL)]
    assert known(whole.total).value_j == pytest.approx(700.0)


def test_estimate_takes_over_where_a_package_stops(tmp_path: Path) -> None:
    written = Written(tmp_path, PACKAGE, ESTIMATE)
    written.count(PACKAGE, CPU_W, until_s=4.0)
    written.count(ESTIMATE, 60.0)
    run = written.read()
    whole = run.breakdown()
    total = known(whole.total)
    assert whole.cover.names == ("cpu0", "cpu-estimate")
    assert total.value_j == pytest.approx(4 * CPU_W + 6 * 60.0, rel=1e-3)
    assert total.low_j <= 10 * CPU_W <= total.high_j
    assert total.low_j == pytest.approx(4 * CPU_W + 6 * 60.0 / 2.5, rel=1e-2)
    counted_s = {seen.channel.name: seen.counted_s for seen in whole.channels}
    assert counted_s == {"cpu0": pytest.approx(4.0), "cpu-estimate": pytest.approx(6.0)}


def test_parts_of_a_run_add_up_to_the_whole(tmp_path: Path) -> None:
    written = Written(tmp_path, PACKAGE, ESTIMATE)
    written.count(PACKAGE, CPU_W, until_s=4.0)
    written.count(ESTIMATE, 60.0)
    run = written.read()
    cover = run.breakdown().cover
    parts = [known(run.energy_over(cover, at(a), at(b))) for a, b in ((0, 3), (3, 5), (5, 10))]
    assert [part.value_j for part in parts] == pytest.approx([210.0, 130.0, 300.0], rel=2e-3)
    summed = parts[0] + parts[1] + parts[2]
    whole = known(run.energy_over(cover, at(0), at(10)))
    assert summed.value_j == pytest.approx(whole.value_j)
    # One factor of one estimate: the parts are off together, not each by itself.
    assert summed.high_j == pytest.approx(whole.high_j, rel=2e-2)


def test_gauge_takes_over_where_the_counter_of_a_gpu_stops(tmp_path: Path) -> None:
    written = Written(tmp_path, GPU, GPU_GAUGE)
    written.count(GPU, GPU_W, until_s=3.0)
    written.show(GPU_GAUGE, GPU_W)
    run = written.read()
    total = known(run.breakdown().total)
    assert total.value_j == pytest.approx(10 * GPU_W, rel=1e-2)
    assert total.low_j <= 10 * GPU_W <= total.high_j
    assert known(run.breakdown(at(5), at(6)).total).value_j == pytest.approx(GPU_W, rel=1e-6)
    assert run.breakdown(at(5), at(6)).cover.names == ("gpu0-power",)


@pytest.mark.parametrize("read_s", [[(0, 6)], [(0, 5), (8, 10)]], ids=["ends", "pauses"])
def test_stretch_in_which_neither_counter_nor_gauge_shows_anything_is_bounded(
    tmp_path: Path, read_s: list[tuple[float, float]]
) -> None:
    written = Written(tmp_path, GPU, GPU_GAUGE)
    written.count(GPU, GPU_W, until_s=3.0)
    written.show(GPU_GAUGE, GPU_W, *read_s)
    run = written.read()
    whole = run.breakdown()
    total = known(whole.total)
    assert total.low_j <= 10 * GPU_W <= total.high_j
    assert total.value_j == pytest.approx(10 * GPU_W, rel=0.05)
    assert sum(channel.counted_s for channel in whole.channels) == pytest.approx(10.0)
    parts = [known(run.energy_over(whole.cover, at(i), at(i + 2))) for i in range(0, 10, 2)]
    assert sum(part.value_j for part in parts) == pytest.approx(total.value_j, rel=0.01)


def test_counter_that_begins_to_count_late_is_bounded_before(tmp_path: Path) -> None:
    written = Written(tmp_path, PACKAGE)
    for time_s in every(0.1, 0, 10):
        energy_j = CPU_W * max(0.0, time_s - 3.0)
        written.file.row(time_s, channel="cpu0", energy_j=energy_j)
    total = known(written.read().breakdown().total)
    assert total.low_j <= 10 * CPU_W <= total.high_j


def test_time_before_the_first_reading_of_counter_and_gauge_is_bounded(tmp_path: Path) -> None:
    written = Written(tmp_path, GPU, GPU_GAUGE)
    written.file.count("gpu0", every(0.1, 6, 10), GPU_W)
    written.show(GPU_GAUGE, GPU_W, (3, 10))
    total = known(written.read().breakdown().total)
    assert total.low_j <= 10 * GPU_W <= total.high_j
    assert total.value_j == pytest.approx(10 * GPU_W, rel=0.05)


def test_counter_that_stops_alone_is_bounded_and_then_unknown(tmp_path: Path) -> None:
    written = Written(tmp_path, PACKAGE)
    written.count(PACKAGE, CPU_W, until_s=4.0)
    run = written.read()
    total = known(run.breakdown().total)
    assert total.low_j <= 10 * CPU_W <= total.high_j <= 4 * CPU_W + 6.1 * 300.0
    assert run.channel_energy("cpu0", at(5), at(6)) is None
    assert run.breakdown(at(5), at(6)).total is None


def test_what_the_recorder_noted_of_a_standstill_counts_once(tmp_path: Path) -> None:
    written = Written(tmp_path, PACKAGE)
    written.count(PACKAGE, CPU_W, until_s=4.0)
    written.file.event(4.0, Event.GAP, channel="cpu0", id=1, text=STANDS_STILL)
    readings = written.read().readings("cpu0")
    assert readings is not None
    assert [(loss.begin_ns, loss.end_ns) for loss in readings.losses] == [(at(4.0), at(10.0))]


def test_counter_that_may_have_stopped_at_the_end_is_bounded(tmp_path: Path) -> None:
    written = Written(tmp_path, GPU)
    written.count(GPU, GPU_W, until_s=9.3)
    run = written.read()
    total = known(run.breakdown().total)
    assert total.low_j <= 10 * GPU_W <= total.high_j
    assert run.standing("gpu0") == ()


def test_gauge_that_nobody_read_is_bounded_by_what_the_device_can_draw(tmp_path: Path) -> None:
    alone = gauge("gpu0-power", window_s=0.1)
    written = Written(tmp_path, alone)
    written.show(alone, 100.0, (0, 2), (8, 10))
    readings = written.read().readings("gpu0-power")
    assert readings is not None
    (loss,) = readings.losses
    assert (loss.begin_ns, loss.end_ns, loss.reason) == (at(2), at(8), NOT_READ)
    run = read_run(written.file.path)
    total = known(run.breakdown().total)
    assert total.low_j <= 400.0 + 1
    assert total.high_j >= 400.0 + 6 * 700.0
    (seen,) = run.breakdown().channels
    assert seen.unread_s == pytest.approx(6.0)


def test_late_reading_is_no_interruption(tmp_path: Path) -> None:
    alone = gauge("gpu0-power")
    written = Written(tmp_path, alone)
    written.show(alone, 100.0, (0, 2), (2.4, 10))
    readings = written.read().readings("gpu0-power")
    assert readings is not None
    assert readings.losses == ()


def test_slow_recording_is_not_interrupted_by_its_own_period(tmp_path: Path) -> None:
    alone = gauge("gpu0-power")
    with RunFile(tmp_path / "run.arrow", metadata(sampling={"rate_hz": 0.5})) as file:
        file.introduce(0, alone)
        file.show("gpu0-power", [0, 0.1, 0.2, 2, 4, 6, 6.1, 8, 10], 100.0)
        file.end(10.0)
    readings = read_run(file.path).readings("gpu0-power")
    assert readings is not None
    assert readings.losses == ()


def test_gap_that_the_recorder_noted_stands_for_the_interruption(tmp_path: Path) -> None:
    alone = gauge("gpu0-power")
    written = Written(tmp_path, alone)
    written.show(alone, 100.0, (0, 2), (8, 10))
    written.file.event(2.0, Event.GAP, channel="gpu0-power", id=1, text="it hung", duration_s=6.0)
    readings = written.read().readings("gpu0-power")
    assert readings is not None
    assert [loss.reason for loss in readings.losses] == ["it hung"]


def test_estimate_takes_over_while_a_gauge_of_the_processor_goes_unread(tmp_path: Path) -> None:
    rail = gauge("cpu0", Component.CPU, max_power_w=None)
    written = Written(tmp_path, rail, ESTIMATE)
    written.show(rail, 50.0, (0, 2), (8, 10))
    written.count(ESTIMATE, 90.0)
    whole = written.read().breakdown()
    assert whole.cover.names == ("cpu0", "cpu-estimate")
    assert known(whole.total).value_j == pytest.approx(4 * 50.0 + 6 * 90.0, rel=1e-2)


def test_gauge_draws_nothing_while_the_machine_sleeps(tmp_path: Path) -> None:
    alone = gauge("gpu0-power", window_s=0.1)
    with RunFile(tmp_path / "run.arrow", metadata(channels=(alone,), sampling=RATE)) as file:
        for time_s, asleep_s in ((0, 100.0), (3610, 3700.0)):
            file.event(time_s, Event.ANCHOR, id=at(time_s), value=0.0, duration_s=asleep_s)
        file.show("gpu0-power", every(0.1, 0, 5), 200.0)
        file.show("gpu0-power", every(0.1, 3605.2, 3610), 200.0)
        file.end(3610.0)
    run = read_run(file.path)
    total = known(run.breakdown().total)
    assert total.low_j <= 200.0 * 10.0 <= total.high_j
    assert total.value_j == pytest.approx(200.0 * 10.0, rel=0.05)
    assert total.high_j < 2400.0
    samples = run.samples("gpu0-power")
    assert samples is not None
    assert samples.values.min() == 200.0


def test_cores_that_move_do_not_stand_for_a_package_that_does_not(tmp_path: Path) -> None:
    cores = counter("cpu0-core", contained_in="cpu0", device="its cores")
    written = Written(tmp_path, PACKAGE, cores, ESTIMATE)
    written.count(PACKAGE, CPU_W, until_s=4.0)
    written.count(cores, 30.0)
    written.count(ESTIMATE, 60.0)
    whole = written.read().breakdown()
    assert whole.cover.names == ("cpu0", "cpu-estimate")
    assert known(whole.total).value_j == pytest.approx(4 * CPU_W + 6 * 60.0, rel=1e-3)
