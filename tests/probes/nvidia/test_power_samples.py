"""The driver's buffer of power values: placed on the run clock, each value once, or not at all."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from effmeter.probes.base import Boundary, Failure, Reading
from effmeter.probes.nvidia.power_samples import NOT_WALL_CLOCK, WALL_CLOCK_SET
from effmeter.probes.nvidia.probe import NvmlProbe
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.nvml import (
    INSTANT,
    NOT_SUPPORTED,
    UNKNOWN_ERROR,
    Fault,
    SimulatedGpu,
    SimulatedSamples,
)
from tests.simulated.waveforms import constant, square

WAVE = square(100.0, 600.0, 0.7)
SAMPLED = SimulatedGpu(WAVE, fields=(INSTANT,), samples=SimulatedSamples())
CHANNEL = "gpu0-power-samples"


class Rig:
    """A probe of one GPU whose buffer fills while the clock is moved."""

    def __init__(self, bench: NvmlBench, gpu: SimulatedGpu = SAMPLED) -> None:
        self.bench, self.gpu = bench, gpu
        bench.clock.advance(10.0)
        self.probe: NvmlProbe = bench.probe([gpu])
        self.take(3.0)

    def take(self, seconds: float, boundary: Boundary = Boundary.BEGIN) -> list[Reading]:
        """What the buffer gives after this time."""
        self.bench.clock.advance(seconds)
        self.bench.show([self.gpu])
        return [r for r in self.probe.read_at(boundary) if r.channel == CHANNEL]


@pytest.fixture
def rig(bench: NvmlBench) -> Iterator[Rig]:
    made = Rig(bench)
    yield made
    made.probe.close()


def moments_s(readings: list[Reading]) -> list[float]:
    assert not [r.value for r in readings if isinstance(r.value, Failure)]
    return [round(r.begin_ns * 1e-9, 6) for r in readings]


def test_each_value_is_read_once_with_the_moment_at_which_the_driver_took_it(rig: Rig) -> None:
    first, second = rig.take(0.5), rig.take(1.0)
    times_s = moments_s(first + second)
    assert times_s == pytest.approx([13.02 + 0.02 * k for k in range(75)], abs=2e-6)
    for reading in first + second:
        middle_s = reading.begin_ns * 1e-9 - 0.015
        averaged_w = WAVE.energy_j(middle_s - 0.0125, middle_s + 0.0125) / 0.025
        assert reading.value == pytest.approx(averaged_w, abs=0.1)


def test_a_buffer_that_overflowed_gives_what_it_still_holds(rig: Rig) -> None:
    times_s = moments_s(rig.take(10.0))
    assert len(times_s) == 119
    assert times_s[-1] == pytest.approx(23.0)


def test_nothing_new_is_no_reading(rig: Rig) -> None:
    assert rig.take(0.001) == []


@pytest.mark.parametrize("step_s", [-3600.0, -0.997, -0.293, 0.01, 0.4, 1.0, 3600.0])
def test_no_value_is_misdated_when_the_wall_clock_is_set(rig: Rig, step_s: float) -> None:
    rig.bench.clock.advance(0.333)
    rig.bench.set_wall(step_s)
    (failure,) = rig.take(0.4)
    assert failure.value == Failure(WALL_CLOCK_SET)
    placed = [rig.take(0.5) for _ in range(8)]
    assert moments_s(placed[0])[0] == pytest.approx(13.74, abs=2e-6), "from that call on"
    times_s = moments_s([reading for readings in placed for reading in readings])
    assert times_s == pytest.approx([13.74 + 0.02 * k for k in range(len(times_s))], abs=2e-6)
    assert len(times_s) == 200


def test_stamps_of_another_clock_are_a_failure(rig: Rig) -> None:
    rig.bench.clock.set_wall(5.0)  # the driver does not follow
    assert rig.take(1.0)[0].value == Failure(WALL_CLOCK_SET)
    assert rig.take(1.0)[0].value == Failure(NOT_WALL_CLOCK)


def test_stamps_that_never_followed_the_wall_clock_make_no_channel(bench: NvmlBench) -> None:
    bench.clock.set_wall(-86_400.0)
    probe = Rig(bench).probe
    assert CHANNEL not in [channel.name for channel in probe.channels]
    probe.close()


def test_a_call_that_fails_is_a_gap_with_its_reason(rig: Rig) -> None:
    broken = SimulatedSamples(fault=Fault(UNKNOWN_ERROR))
    rig.gpu = replace(SAMPLED, samples=broken)
    (failure,) = rig.take(0.1)
    assert isinstance(failure.value, Failure)
    assert "nvmlDeviceGetSamples" in failure.value.reason
    rig.gpu = SAMPLED
    assert len(rig.take(0.1)) == 10


def test_the_samples_stand_between_the_counter_and_the_gauges(rig: Rig) -> None:
    counter, samples, instant = rig.probe.channels
    assert [c.name for c in rig.probe.channels] == ["gpu0", CHANNEL, "gpu0-power-instant"]
    assert (samples.contained_in, instant.contained_in) == ("gpu0", CHANNEL)
    assert (samples.refresh_s, samples.window_s, samples.lag_s) == (0.02, 0.025, 0.015)
    assert samples.device == counter.device
    assert counter.lag_s is instant.lag_s is None


def test_a_counter_beside_samples_is_read_seldom_and_at_no_mark(rig: Rig) -> None:
    def channels(readings: list[Reading]) -> set[str]:
        return {reading.channel for reading in readings}

    rig.bench.clock.advance(0.02)
    rig.bench.show([rig.gpu])
    instant = "gpu0-power-instant"
    assert channels(rig.probe.read()) == {instant}
    assert channels(rig.probe.read_at(Boundary.MARK)) == {CHANNEL, instant}
    rig.bench.clock.advance(0.02)
    rig.bench.show([rig.gpu])
    assert channels(rig.probe.read_at(Boundary.END)) == {"gpu0", CHANNEL, instant}
    assert rig.probe.read_closely() == []
    assert not rig.probe.is_coarse
    assert rig.probe.settles_s > 0
    scheduled: list[Reading] = []
    for _ in range(100):
        rig.bench.clock.advance(0.1)
        rig.bench.show([rig.gpu])
        scheduled += rig.probe.read()
    assert 10 <= sum(reading.channel == "gpu0" for reading in scheduled) <= 14
    assert sum(reading.channel == CHANNEL for reading in scheduled) >= 450


@pytest.mark.parametrize(
    "gpu",
    [
        replace(SAMPLED, architecture=7, capability=(8, 0)),
        replace(SAMPLED, samples=SimulatedSamples(fault=Fault(NOT_SUPPORTED))),
        SimulatedGpu(constant(100.0)),
    ],
)
def test_a_gpu_whose_samples_are_unknown_has_its_counter_read_as_ever(
    bench: NvmlBench, gpu: SimulatedGpu
) -> None:
    probe = Rig(bench, gpu).probe
    assert CHANNEL not in [channel.name for channel in probe.channels]
    assert probe.is_coarse
    assert "gpu0" in {reading.channel for reading in probe.read()}
    assert "gpu0" in {reading.channel for reading in probe.read_at(Boundary.MARK)}
    assert probe.settles_s == 0.0
    probe.close()
