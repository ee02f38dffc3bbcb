"""Net energy: gross less idle power times the time awake, or a refusal."""

from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.analysis.idle import (
    IdleBaseline,
    IdlePower,
    baseline_of,
    measure_idle,
    net_energy,
)
from effmeter.channel import Component, Provenance
from effmeter.errors import MeasurementError
from effmeter.recorded.breakdown import Breakdown
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from tests.runfile.writing import RunFile, at, counter, every, metadata

CPU = counter("cpu0", device="a processor")
GPU = counter("gpu0", Component.GPU, device="a GPU", gain_error_fraction=0.05)
IDLE = IdleBaseline(
    "host",
    "2026-01-02T03:04:05+00:00",
    60.0,
    {
        "cpu0": IdlePower("a processor", 20.0, 19.0, 21.0, 0.0),
        "gpu0": IdlePower("a GPU", 70.0, 69.0, 71.0, 3.5),
    },
)


def recorded(
    folder: Path, cpu_w: float = 50.0, gpu_w: float = 300.0, asleep_s: float = 0.0
) -> RecordedRun:
    with RunFile(folder / "run.arrow", metadata(channels=(CPU, GPU))) as file:
        for time_s, slept_s in ((0, 0.0), (10, asleep_s)):
            file.event(time_s, Event.ANCHOR, id=at(time_s), value=0.0, duration_s=slept_s)
        file.count("cpu0", every(0.1, 0, 10), cpu_w)
        file.count("gpu0", every(0.1, 0, 10), gpu_w)
        file.end(10.0)
    return read_run(file.path)


def whole(run: RecordedRun) -> Breakdown:
    return run.breakdown()


def test_net_energy_is_gross_less_idle_power_times_the_time(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    net = net_energy(run, whole(run), IDLE)
    assert net is not None
    values = {part.component: part.energy.value_j for part in net.components}
    assert values == {
        Component.GPU: pytest.approx(2300.0),
        Component.CPU: pytest.approx(300.0),
    }
    assert net.total.value_j == pytest.approx(2600.0)


def test_net_interval_takes_in_that_of_the_idle_power(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    gross, net = whole(run).total, net_energy(run, whole(run), IDLE)
    assert gross is not None
    assert net is not None
    assert net.total.low_j == pytest.approx(gross.low_j - 920.0)
    assert net.total.high_j == pytest.approx(gross.high_j - 880.0)
    assert net.total.systematic_j == pytest.approx(0.05 * 2300.0)


def test_a_machine_that_sleeps_draws_no_idle_power(tmp_path: Path) -> None:
    run = recorded(tmp_path, asleep_s=4.0)
    net = net_energy(run, whole(run), IDLE)
    assert net is not None
    assert net.total.value_j == pytest.approx(3500.0 - 6 * 90.0)


def test_a_run_that_drew_less_than_the_idle_machine_has_a_negative_net(tmp_path: Path) -> None:
    run = recorded(tmp_path, cpu_w=15.0)
    net = net_energy(run, whole(run), IDLE)
    assert net is not None
    (cpu,) = (part for part in net.components if part.component is Component.CPU)
    assert cpu.energy.value_j == pytest.approx(-50.0)


def test_a_baseline_of_another_host_is_refused(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    other = replace(IDLE, host="elsewhere")
    with pytest.raises(MeasurementError, match="recorded on host, the idle baselines on elsewhere"):
        net_energy(run, whole(run), other)
    assert baseline_of(run, {"elsewhere": other, "host": IDLE}) is IDLE


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ({"cpu0": IDLE.channels["cpu0"]}, "has no gpu0"),
        (
            {**IDLE.channels, "gpu0": replace(IDLE.channels["gpu0"], device="another GPU")},
            "is of another gpu0",
        ),
    ],
)
def test_a_baseline_of_other_channels_is_refused(
    tmp_path: Path, channels: dict[str, IdlePower], said: str
) -> None:
    run = recorded(tmp_path)
    with pytest.raises(MeasurementError, match=f"{said}.*effmeter idle"):
        net_energy(run, whole(run), replace(IDLE, channels=channels))


def test_idle_power_is_energy_over_time_with_its_interval(tmp_path: Path) -> None:
    run = recorded(tmp_path, cpu_w=20.0, gpu_w=70.0)
    measured = measure_idle(run, at(2), at(8), "host", IDLE.date, ["it slept"])
    assert measured.duration_s == pytest.approx(6.0)
    assert measured.warnings == ("it slept",)
    gpu = measured.channels["gpu0"]
    assert gpu.device == "a GPU"
    assert gpu.power_w == pytest.approx(70.0)
    assert gpu.low_w <= 70.0 <= gpu.high_w
    assert gpu.systematic_w == pytest.approx(3.5)
    net = net_energy(run, whole(run), measured)
    assert net is not None
    assert net.total.low_j <= 0.0 <= net.total.high_j


def test_where_nothing_is_read_there_is_no_baseline(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(channels=(CPU,))) as file:
        file.end(10.0)
    with pytest.raises(MeasurementError, match="effmeter doctor"):
        measure_idle(read_run(file.path), at(2), at(8), "host", IDLE.date, [])


def test_channel_that_stands_in_for_another_is_idle_only_for_its_own_time(tmp_path: Path) -> None:
    stops = replace(CPU, least_power_w=0.1)
    estimate = counter("cpu-estimate", provenance=Provenance.ESTIMATED, estimate_factor=2.0)
    with RunFile(tmp_path / "run.arrow", metadata(channels=(stops, estimate))) as file:
        for time_s in every(0.1, 0, 10):
            file.row(time_s, channel="cpu0", energy_j=50.0 * min(time_s, 4.0))
        file.count("cpu-estimate", every(0.1, 0, 10), 45.0)
        file.end(10.0)
    run = read_run(file.path)
    powers = {**IDLE.channels, "cpu-estimate": IdlePower("", 15.0, 7.5, 30.0, 0.0)}
    net = net_energy(run, whole(run), replace(IDLE, channels=powers))
    assert net is not None
    assert net.total.value_j == pytest.approx(4 * (50.0 - 20.0) + 6 * (45.0 - 15.0), rel=0.01)
