from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effmeter.channel import Component, Kind, Provenance
from effmeter.cover import choose_cover
from effmeter.energy import Trace, trace
from effmeter.energy.standstill import ENDLESS_NS, STANDS_STILL, Stretch, standing_stretches
from effmeter.probes.amd.library import AmdLibraryProbe, find
from effmeter.probes.base import Failure, Reading
from effmeter.recorder.sampling.ingest import ChannelGap, ChannelTracker, Sample
from tests.simulated.amd import SimulatedAmdGpu, SimulatedAmdSmi
from tests.simulated.amd.library import DRIVER_NOT_LOADED, NO_PERMISSION, NOT_FOUND
from tests.simulated.clock import ManualClock
from tests.simulated.pci import place_pci_device
from tests.simulated.waveforms import Sine, Waveform, bursts, constant, square

STEADY = SimulatedAmdGpu(constant(300.0))
NOWHERE = Path("/nonexistent")
SECOND_DIE = SimulatedAmdGpu(
    constant(0.0), "AMD Instinct MI250X", "0000:c6:00.0", odd_count=0, odd_power="N/A"
)


class Bench:
    """GPUs whose clock a test moves by hand; the first second has passed."""

    def __init__(self, gpus: Sequence[SimulatedAmdGpu], **options: Any) -> None:
        self.clock = ManualClock()
        self.library = SimulatedAmdSmi(gpus, self.clock.now_ns, **options)
        self.clock.advance(1.0)

    def probe(self, sysfs: Path = NOWHERE) -> AmdLibraryProbe:
        return AmdLibraryProbe(self.library, sysfs, self.clock)

    def readings(self, probe: AmdLibraryProbe, seconds: float, rate_hz: float = 10.0) -> list[Any]:
        """Every reading of a stretch, one list per look."""
        looks = []
        for _ in range(round(seconds * rate_hz)):
            self.clock.advance(1 / rate_hz)
            looks.append(probe.read())
        return looks


def recorded(
    probe: AmdLibraryProbe, looks: list[list[Reading]]
) -> tuple[dict[str, Trace], list[ChannelGap]]:
    """The traces of the channels that a recording has after these looks, and its gaps."""
    tracker = ChannelTracker(probe.channels)
    items = [item for look in looks for item in tracker.process(look)]
    seen = [item for item in items if isinstance(item, Sample)]
    traces = {}
    for channel in probe.channels:
        mine = [s for s in seen if s.channel == channel.name]
        values = [s.energy_j if s.power_w is None else s.power_w for s in mine]
        if mine:
            times = np.array([s.time_ns for s in mine], np.int64)
            traces[channel.name] = trace(channel, times, np.array(values, float))
    assert tracker.started.keys() == traces.keys()
    return traces, [item for item in items if isinstance(item, ChannelGap)]


def reasons(refusals: Sequence[Any]) -> list[str]:
    return [refusal.reason for refusal in refusals]


def test_a_gpu_has_a_counter_and_a_gauge_inside_it() -> None:
    other = replace(STEADY, address="0000:c5:00.0", limit_w=None)
    probe = Bench([STEADY, other]).probe()
    counter, gauge, unlimited, _ = probe.channels
    assert (counter.name, counter.kind, counter.contained_in) == ("amd-gpu0", Kind.COUNTER, None)
    assert (gauge.name, gauge.kind) == ("amd-gpu0-power", Kind.GAUGE)
    assert gauge.contained_in == "amd-gpu0"
    assert counter.component is gauge.component is Component.GPU
    assert counter.provenance is gauge.provenance is Provenance.MEASURED
    assert counter.modulus is None
    assert counter.device == "AMD Instinct MI300X 0000:c1:00.0"
    assert counter.max_power_w == 1500.0, "the limit is in microwatts here"
    assert (unlimited.name, unlimited.max_power_w) == ("amd-gpu1", None)
    assert probe.refusals == ()
    probe.close()


@pytest.mark.parametrize(
    "waveform",
    [
        constant(250.0),
        square(60.0, 650.0, 0.7),
        Sine(300.0, 200.0, 1.1),
        bursts(40.0, 700.0, (0.3, 0.05, 0.1, 0.4)),
    ],
)
@pytest.mark.parametrize("lag_ns", [0, 900_000, None, 10**15])
def test_the_energy_of_a_window_is_the_truth_within_its_interval(
    waveform: Waveform, lag_ns: int | None
) -> None:
    bench = Bench([SimulatedAmdGpu(waveform)], timestamp_lag_ns=lag_ns)
    probe = bench.probe()
    traces, gaps = recorded(probe, bench.readings(probe, 6.0, 20.0))
    assert gaps == []
    for begin_s, end_s in ((1.4, 6.4), (2.03, 3.31), (4.0, 4.2)):
        energy = traces["amd-gpu0"].energy(round(begin_s * 1e9), round(end_s * 1e9))
        assert energy is not None
        true_j = waveform.energy_j(begin_s, end_s)
        assert energy.low_j <= true_j <= energy.high_j
        assert energy.value_j == pytest.approx(true_j, abs=0.1 * 700.0)
    for length_s in (0.2, 1.0, 3.0):
        held = [
            is_held(traces["amd-gpu0"], waveform, begin_s, begin_s + length_s)
            for begin_s in np.random.default_rng(1).uniform(1.0, 6.3 - length_s, 200)
        ]
        assert np.mean(held) >= 0.95
    probe.close()


def is_held(measured: Trace, waveform: Waveform, begin_s: float, end_s: float) -> bool:
    energy = measured.energy(round(begin_s * 1e9), round(end_s * 1e9))
    assert energy is not None
    return energy.low_j <= waveform.energy_j(begin_s, end_s) + 1e-6 <= energy.high_j + 2e-6


@pytest.mark.parametrize("count_key", ["energy_accumulator", "power"])
@pytest.mark.parametrize(
    ("stated_uj", "unit_j"),
    [(15.300000190734863, 2**-16), (15.259, 2**-16), (0.0, 2**-16), (1000.0, 1e-3)],
)
def test_the_count_and_its_unit_are_found_under_the_names_of_every_version(
    count_key: str, stated_uj: float, unit_j: float
) -> None:
    bench = Bench([STEADY], count_key=count_key, counter_resolution=stated_uj)
    probe = bench.probe()
    bench.clock.advance(1.0)
    counter, _ = probe.read()
    assert probe.channels[0].unit_j == pytest.approx(unit_j)
    assert isinstance(counter.value, int)
    assert counter.value > STEADY.start_count
    probe.close()


@pytest.mark.parametrize(
    ("averages", "key", "window_s"),
    [(False, "current_socket_power", 0.1), (True, "average_socket_power", 1.0)],
)
def test_the_generation_decides_which_power_is_shown(
    averages: bool, key: str, window_s: float
) -> None:
    probe = Bench([replace(STEADY, averages=averages)]).probe()
    gauge = probe.channels[1]
    assert gauge.source == f"amdsmi_get_power_info, {key}"
    assert gauge.window_s == window_s
    assert probe.read()[1].value == 300.0
    probe.close()


@pytest.mark.parametrize(("lag_ns", "used"), [(0, True), (50_000_000, True), (10**9, False)])
def test_a_sane_time_stamp_of_the_library_dates_the_count(lag_ns: int, used: bool) -> None:
    bench = Bench([STEADY], timestamp_lag_ns=lag_ns)
    probe = bench.probe()
    bench.clock.advance(1.0)
    counter, gauge = probe.read()
    dated_ns = bench.clock.time_ns - (lag_ns if used else 0)
    assert (counter.begin_ns, counter.end_ns) == (dated_ns, dated_ns)
    assert gauge.end_ns == bench.clock.time_ns
    probe.close()


def test_time_stamps_never_run_backwards() -> None:
    bench = Bench([STEADY], timestamp_lag_ns=80_000_000)
    probe = bench.probe()
    times_ns = [look[0].end_ns for look in bench.readings(probe, 1.0, 100.0)]
    assert times_ns == sorted(times_ns)
    probe.close()


@pytest.mark.parametrize("odd", ["N/A", 2**64 - 1])
def test_a_gpu_without_a_counter_falls_back_to_its_power(odd: object) -> None:
    bench = Bench([replace(STEADY, odd_count=odd)])
    probe = bench.probe()
    (gauge,) = probe.channels
    assert (gauge.name, gauge.contained_in) == ("amd-gpu0-power", None)
    assert [reading.value for reading in probe.read()] == [300.0]
    assert probe.refusals == ()
    probe.close()


@pytest.mark.parametrize("odd", ["N/A", 0xFFFF, 0xFFFFFFFF, 2**64 - 1])
def test_a_gpu_that_shows_nothing_is_refused_and_the_other_is_read(odd: object) -> None:
    silent = replace(STEADY, odd_count="N/A", odd_power=odd, address="0000:c5:00.0")
    probe = Bench([silent, STEADY]).probe()
    assert [channel.name for channel in probe.channels] == ["amd-gpu1", "amd-gpu1-power"]
    (refusal,) = probe.refusals
    assert refusal.present
    assert "N/A" in refusal.reason
    probe.close()


def standing(probe: AmdLibraryProbe, looks: list[list[Reading]]) -> list[Stretch]:
    """Where the counter of the first GPU stands still, by the rule for all counters."""
    channel = probe.channels[0]
    seen = [reading for look in looks for reading in look if reading.channel == channel.name]
    times_ns = np.array([reading.end_ns for reading in seen])
    counts = np.array([reading.value for reading in seen], float)
    return standing_stretches(channel, times_ns, (counts - counts[0]) * channel.unit_j, 0.5)


def test_a_counter_that_has_stood_still_since_boot_leaves_the_gpu_to_its_gauge() -> None:
    frozen = replace(STEADY, model="AMD Instinct MI100", averages=True, frozen_from_s=0.0)
    bench = Bench([frozen])
    probe = bench.probe()
    looks = bench.readings(probe, 5.0)
    (stretch,) = standing(probe, looks)
    assert stretch == (-ENDLESS_NS, ENDLESS_NS, STANDS_STILL)
    traces, _ = recorded(probe, looks)
    assert choose_cover(probe.channels, {"amd-gpu0-power"}).names == ("amd-gpu0-power",)
    energy = traces["amd-gpu0-power"].energy(2_000_000_000, 5_000_000_000)
    assert energy is not None
    assert energy.value_j == pytest.approx(900.0)
    probe.close()


def test_a_counter_that_freezes_in_mid_run_stands_still_from_then_on() -> None:
    bench = Bench([replace(STEADY, frozen_from_s=4.0)])
    probe = bench.probe()
    looks = bench.readings(probe, 9.0)
    (stretch,) = standing(probe, looks)
    assert 3.9e9 <= stretch.begin_ns <= 4.2e9
    assert stretch.end_ns == ENDLESS_NS
    traces, _ = recorded(probe, looks)
    gauged = traces["amd-gpu0-power"].energy(6_000_000_000, 9_000_000_000)
    assert gauged is not None
    assert gauged.value_j == pytest.approx(900.0)
    probe.close()


def test_a_counter_that_thaws_without_what_it_missed_stood_still_until_then() -> None:
    bench = Bench([replace(STEADY, frozen_from_s=3.05, frozen_until_s=5.0)])
    probe = bench.probe()
    (stretch,) = standing(probe, bench.readings(probe, 8.0))
    assert 2.9e9 <= stretch.begin_ns <= 3.2e9
    assert 4.9e9 <= stretch.end_ns <= 5.3e9
    probe.close()


def test_a_counter_whose_display_hung_is_believed_once_it_has_caught_up() -> None:
    hung = replace(STEADY, frozen_from_s=3.0, frozen_until_s=5.0, counts_while_frozen=True)
    bench = Bench([hung])
    probe = bench.probe()
    looks = bench.readings(probe, 8.0)
    assert standing(probe, looks) == []
    traces, _ = recorded(probe, looks)
    energy = traces["amd-gpu0"].energy(1_500_000_000, 8_500_000_000)
    assert energy is not None
    assert energy.value_j == pytest.approx(2100.0, rel=0.01)
    probe.close()


@pytest.mark.parametrize(
    ("model", "least_w"), [("AMD Instinct MI300X", 10.0), ("Radeon RX 6700 XT", 1.0)]
)
def test_a_counter_states_the_least_that_its_gpu_draws(model: str, least_w: float) -> None:
    probe = Bench([replace(STEADY, model=model)]).probe()
    assert {channel.least_power_w for channel in probe.channels} == {least_w}
    probe.close()


def test_a_step_back_is_handed_on_for_the_counters_arithmetic_to_judge() -> None:
    bench = Bench([replace(STEADY, step_back_s=3.05, step_back_j=5.0)])
    probe = bench.probe()
    traces, _ = recorded(probe, bench.readings(probe, 6.0))
    energy = traces["amd-gpu0"].energy(1_500_000_000, 6_500_000_000)
    assert energy is not None
    assert energy.value_j == pytest.approx(1500.0, abs=35.0)
    probe.close()


def test_the_second_die_of_a_package_is_none_of_its_own() -> None:
    first = replace(STEADY, model="AMD Instinct MI250X", averages=True)
    probe = Bench([first, SECOND_DIE]).probe()
    assert [channel.name for channel in probe.channels] == ["amd-gpu0", "amd-gpu0-power"]
    assert probe.channels[0].scope == "both dies of the package"
    (refusal,) = probe.refusals
    assert not refusal.present
    assert "second die" in refusal.reason
    probe.close()


def test_partitions_of_a_gpu_count_once() -> None:
    gpus = [replace(STEADY, address=f"0000:c1:00.{number}") for number in range(4)]
    probe = Bench(gpus).probe()
    assert [channel.name for channel in probe.channels] == ["amd-gpu0", "amd-gpu0-power"]
    assert all("partition" in reason for reason in reasons(probe.refusals))
    assert len(probe.refusals) == 3
    probe.close()


def test_graphics_inside_the_processor_are_left_to_the_processors_energy(tmp_path: Path) -> None:
    place_pci_device(tmp_path, "0000:0d:00.0", metrics_format=2)
    inside = replace(STEADY, model="AMD Radeon Graphics", address="0000:0d:00.0")
    probe = Bench([STEADY, inside]).probe(tmp_path)
    assert [channel.name for channel in probe.channels] == ["amd-gpu0", "amd-gpu0-power"]
    (refusal,) = probe.refusals
    assert not refusal.present
    probe.close()


def test_a_socket_that_holds_processor_cores_too_is_a_system_on_a_chip() -> None:
    probe = Bench([replace(STEADY, model="AMD Instinct MI300A")]).probe()
    assert {channel.component for channel in probe.channels} == {Component.SOC}
    assert "processor cores" in probe.channels[0].scope
    probe.close()


def test_a_lost_gpu_gives_failures_and_the_other_goes_on() -> None:
    other = replace(STEADY, address="0000:c5:00.0")
    bench = Bench([STEADY, other])
    probe = bench.probe()
    bench.library.show([replace(STEADY, error=NOT_FOUND), other])
    bench.clock.advance(0.1)
    counter, gauge, *fine = probe.read()
    assert counter.value == Failure(f"amdsmi_get_energy_count: Error code: 10 | {NOT_FOUND}")
    assert isinstance(gauge.value, Failure)
    assert not any(isinstance(reading.value, Failure) for reading in fine)
    bench.library.show([STEADY, other])
    bench.clock.advance(0.1)
    assert not any(isinstance(reading.value, Failure) for reading in probe.read())
    probe.close()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (NO_PERMISSION, "sudo usermod -aG render,video $USER"),
        (DRIVER_NOT_LOADED, "sudo modprobe amdgpu"),
        (NOT_FOUND, "sudo dmesg | grep amdgpu"),
    ],
)
def test_a_library_that_refuses_names_the_reason_and_the_command(error: str, remedy: str) -> None:
    bench = Bench([STEADY], init_error=error)
    probe, (refusal,) = find(bench.library, NOWHERE, bench.clock)
    assert probe is None
    assert refusal.present
    assert error in refusal.reason
    assert "\n" not in refusal.reason
    assert refusal.remedy.startswith(remedy)


def test_a_library_that_lists_no_gpu_is_closed_again() -> None:
    bench = Bench([])
    _, refusals = find(bench.library, NOWHERE, bench.clock)
    assert reasons(refusals) == ["it lists no GPU"]
    assert bench.library.users == 0


def test_closing_twice_does_no_harm() -> None:
    bench = Bench([STEADY])
    probe = bench.probe()
    probe.close()
    probe.close()
    assert bench.library.users == 0
