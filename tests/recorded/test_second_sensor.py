"""Two sensors of one device that differ, and estimates that were off beside a sensor."""

from pathlib import Path

import pytest

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.energy import Energy
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from tests.runfile.writing import RunFile, at, counter, every, gauge, metadata

GPU = counter("gpu0", Component.GPU, refresh_s=0.1, device="A GPU", gain_error_fraction=0.08)
GPU_GAUGE = gauge("gpu0-power", contained_in="gpu0", window_s=0.1, device="A GPU")
CPU = counter("cpu0", least_power_w=0.1)
ESTIMATE = counter("cpu-estimate", provenance=Provenance.ESTIMATED, estimate_factor=2.5)


def recorded(
    folder: Path, powers_w: dict[Channel, float], stops_s: dict[Channel, float] | None = None
) -> RecordedRun:
    """Ten seconds at constant power; some counters stop."""
    with RunFile(folder / "run.arrow", metadata(channels=tuple(powers_w))) as file:
        for channel, power_w in powers_w.items():
            if channel.kind is Kind.GAUGE:
                file.show(channel.name, every(0.1, 0, 10), power_w)
                continue
            stops = (stops_s or {}).get(channel, 10.0)
            for time_s in every(0.1, 0, 10):
                file.row(time_s, channel=channel.name, energy_j=power_w * min(time_s, stops))
        file.end(10.0)
    return read_run(file.path)


def known(energy: Energy | None) -> Energy:
    assert energy is not None
    return energy


@pytest.mark.parametrize(("counted_w", "shown_w"), [(2.0, 200.0), (300.0, 100.0), (5.0, 60.0)])
def test_interval_holds_both_sensors_of_a_device(
    tmp_path: Path, counted_w: float, shown_w: float
) -> None:
    run = recorded(tmp_path, {GPU: counted_w, GPU_GAUGE: shown_w})
    whole = run.breakdown()
    cover = whole.cover
    assert dict(run.disagreeing) == {"gpu0": ("gpu0-power",)}
    for energy, lasted_s in (
        (known(whole.total), 10.0),
        (known(run.energy_over(cover, at(2), at(5))), 3.0),
    ):
        assert energy.value_j == pytest.approx(counted_w * lasted_s)
        assert energy.low_j <= min(counted_w, shown_w) * lasted_s
        assert energy.high_j >= max(counted_w, shown_w) * lasted_s


def test_sensors_that_agree_widen_nothing(tmp_path: Path) -> None:
    run = recorded(tmp_path, {GPU: 200.0, GPU_GAUGE: 190.0})
    assert dict(run.disagreeing) == {}
    assert known(run.breakdown().total).half_width_j < 50.0


def test_memory_of_a_gpu_is_no_second_sensor_of_it(tmp_path: Path) -> None:
    memory = gauge("gpu0-memory", contained_in="gpu0", device="A GPU memory")
    assert dict(recorded(tmp_path, {GPU: 200.0, memory: 40.0}).disagreeing) == {}


@pytest.mark.parametrize("power_w", [70.0, 200.0, 0.5])
def test_estimate_that_was_off_beside_a_sensor_is_as_unsure_in_its_place(
    tmp_path: Path, power_w: float
) -> None:
    run = recorded(tmp_path, {CPU: power_w, ESTIMATE: 10.0}, {CPU: 4.0})
    whole = run.breakdown()
    total = known(whole.total)
    assert whole.cover.names == ("cpu0", "cpu-estimate")
    assert total.value_j == pytest.approx(4 * power_w + 60.0, rel=0.01)
    assert total.low_j <= 10 * power_w <= total.high_j
    late = known(run.energy_over(whole.cover, at(6), at(8)))
    assert late.low_j <= 2 * power_w <= late.high_j
    # A window in which only the estimate counts is as unsure as the run that it is a part of.
    assert known(run.breakdown(at(6), at(8)).total) == late


def test_estimate_that_agreed_keeps_its_factor(tmp_path: Path) -> None:
    run = recorded(tmp_path, {CPU: 12.0, ESTIMATE: 10.0}, {CPU: 4.0})
    late = known(run.energy_over(run.breakdown().cover, at(6), at(8)))
    assert late.high_j == pytest.approx(20.0 * 2.5, rel=0.05)
