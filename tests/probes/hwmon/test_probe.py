import os
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.cover import choose_cover
from effmeter.energy import trace
from effmeter.probes.base import Failure, Probe
from effmeter.probes.hwmon.probe import find
from effmeter.probes.search import discover
from tests.simulated.clock import ManualClock
from tests.simulated.hwmon import SimulatedHwmon, SimulatedRail, grace_devices
from tests.simulated.waveforms import Sine, constant

GRACE = grace_devices(0, constant(600.0), Sine(250.0, 60.0, 4.0), constant(180.0), constant(30.0))
STEADY = constant(42.0)
ONE_METER = [("power_meter", [SimulatedRail("power1_average", STEADY, "x")])]


def only_probe(sysfs: Path, clock: ManualClock | None = None, taken: Collection[str] = ()) -> Probe:
    (probe,) = find(sysfs, clock or ManualClock(), taken).probes
    return probe


def containers(probe: Probe) -> dict[str, str | None]:
    return {channel.name: channel.contained_in for channel in probe.channels}


@pytest.mark.parametrize("in_device", [False, True])
def test_the_rails_of_grace_name_what_contains_them(tmp_path: Path, in_device: bool) -> None:
    SimulatedHwmon(tmp_path, GRACE, in_device=in_device)
    probe = only_probe(tmp_path)
    assert containers(probe) == {
        "module0": None,
        "cpu0": "module0",
        "cpu0-rail": "cpu0",
        "cpu0-sysio": "cpu0",
    }
    assert {channel.kind for channel in probe.channels} == {Kind.GAUGE}
    assert {channel.window_s for channel in probe.channels} == {0.05}
    cover = choose_cover(probe.channels, list(containers(probe)))
    assert cover.names == ("cpu0",)


def test_several_sockets_are_told_apart(tmp_path: Path) -> None:
    SimulatedHwmon(tmp_path, GRACE + grace_devices(1, STEADY, STEADY, STEADY, STEADY))
    cover = choose_cover(
        only_probe(tmp_path).channels, [c.name for c in only_probe(tmp_path).channels]
    )
    assert cover.names == ("cpu0", "cpu1")


def test_rails_without_their_socket_count_side_by_side(tmp_path: Path) -> None:
    SimulatedHwmon(tmp_path, GRACE[2:])
    channels = only_probe(tmp_path).channels
    assert choose_cover(channels, [c.name for c in channels]).names == ("cpu0-rail", "cpu0-sysio")


def test_the_memory_inside_a_socket_is_not_estimated_again(tmp_path: Path) -> None:
    SimulatedHwmon(tmp_path, GRACE)
    found = discover(tmp_path, {}, ManualClock())
    assert not any(channel.name.endswith("-estimate") for channel in found.channels)
    for probe in found.probes:
        probe.close()


def test_the_energy_of_a_window_is_the_truth_within_its_interval(tmp_path: Path) -> None:
    clock = ManualClock()
    tree = SimulatedHwmon(tmp_path, GRACE[1:2])
    probe = only_probe(tmp_path, clock)
    (channel,) = probe.channels
    times_ns, powers_w = [], []
    for _ in range(600):
        tree.advance_to(clock.advance(0.0401))
        (reading,) = probe.read()
        assert isinstance(reading.value, float)
        times_ns.append(reading.end_ns)
        powers_w.append(reading.value)
    probe.close()
    measured = trace(channel, np.array(times_ns), np.array(powers_w))
    for begin_s, end_s in ((2.0, 22.3), (5.1, 6.2), (7.0, 11.0)):
        energy = measured.energy(round(begin_s * 1e9), round(end_s * 1e9))
        assert energy is not None
        true_j = Sine(250.0, 60.0, 4.0).energy_j(begin_s, end_s)
        assert energy.low_j <= true_j <= energy.high_j
        assert energy.half_width_j < 0.15 * true_j


@pytest.mark.parametrize("driver", ["amd_energy", "zenergy"])
@pytest.mark.parametrize(
    ("taken", "container"),
    [
        ((), "cpu1"),
        (("cpu1",), "cpu1"),
        (("cpu1-perf",), "cpu1-perf"),
        (("cpu1-die0",), "cpu1-die0"),
    ],
)
def test_a_socket_of_amd_s_drivers_lies_in_that_of_rapl(
    tmp_path: Path, driver: str, taken: tuple[str, ...], container: str
) -> None:
    rails = [
        SimulatedRail("energy1_input", STEADY, "Ecore000", "label"),
        SimulatedRail("energy65_input", STEADY, "Esocket1", "label"),
    ]
    tree = SimulatedHwmon(tmp_path, [(driver, rails)])
    tree.advance_to(2_000_000_000)
    probe = only_probe(tmp_path, taken=taken)
    assert containers(probe) == {"cpu1-hwmon": container}
    assert [reading.value for reading in probe.read()] == [84_000_000]


def test_a_package_that_perf_reads_is_counted_once(tmp_path: Path) -> None:
    rails = [SimulatedRail("energy1_input", STEADY, "Esocket0", "label")]
    SimulatedHwmon(tmp_path, [("zenergy", rails)])
    perf = Channel(
        "cpu0-perf",
        Component.CPU,
        Kind.COUNTER,
        Provenance.MEASURED,
        "perf",
        0.001,
        contained_in="cpu0",
    )
    channels = [perf, *only_probe(tmp_path, taken=["cpu0-perf"]).channels]
    assert choose_cover(channels, [c.name for c in channels]).names == ("cpu0-perf",)
    alone = only_probe(tmp_path).channels
    assert choose_cover(alone, [c.name for c in alone]).names == ("cpu0-hwmon",)


def test_a_socket_that_cannot_be_read_is_missing_from_the_total(tmp_path: Path) -> None:
    tree = SimulatedHwmon(tmp_path, GRACE + grace_devices(1, STEADY, STEADY, STEADY, STEADY))
    for name in ("Grace", "CPU", "SysIO"):
        tree.path(f"{name} Power Socket 1").write_text("")
    found = find(tmp_path, ManualClock())
    cover = choose_cover(found.channels, [c.name for c in found.channels], found.refusals)
    assert cover.names == ("cpu0",)
    assert cover.partial == ("cpu1",)


def test_a_meter_of_unknown_reach_is_in_no_total(tmp_path: Path) -> None:
    rails = [SimulatedRail("power1_input", STEADY, "total", "label")]
    SimulatedHwmon(tmp_path, [("corsairpsu", rails), ("power_meter", [rails[0]])])
    channels = only_probe(tmp_path).channels
    assert [channel.name for channel in channels] == ["hwmon0-power1", "hwmon1-power1"]
    assert choose_cover(channels, [c.name for c in channels]).names == ()


def test_what_other_probes_read_and_what_gives_no_power_is_passed_over(tmp_path: Path) -> None:
    power = [SimulatedRail("power1_average", STEADY)]
    SimulatedHwmon(tmp_path, [(name, power) for name in ("amdgpu", "nouveau", "BAT0")])
    battery = tmp_path / "class/hwmon/hwmon2/device"
    battery.mkdir()
    (battery / "capacity").write_text("80\n")
    found = find(tmp_path, ManualClock())
    assert (found.probes, found.refusals) == ((), ())


def test_an_average_is_preferred_and_its_untold_interval_taken_for_long(tmp_path: Path) -> None:
    both = [SimulatedRail("power1_input", STEADY), SimulatedRail("power1_average", STEADY)]
    SimulatedHwmon(tmp_path, [("power_meter", both)])
    (channel,) = only_probe(tmp_path).channels
    assert channel.source.endswith("power1_average")
    assert channel.window_s == 1.0


def test_a_stated_accuracy_and_cap_are_the_channel_s(tmp_path: Path) -> None:
    stated = {"accuracy": "98.5%", "cap_max": "500000000"}
    rail = SimulatedRail("power1_average", STEADY, attributes=stated)
    SimulatedHwmon(tmp_path, [("power_meter", [rail])])
    (channel,) = only_probe(tmp_path).channels
    assert channel.gain_error_fraction == pytest.approx(0.015)
    assert channel.max_power_w == pytest.approx(1000.0)


@pytest.mark.parametrize("shown", ["4294967295000", "-5", "", "many"])
def test_what_is_no_power_is_a_failure_until_there_is_one_again(tmp_path: Path, shown: str) -> None:
    tree = SimulatedHwmon(tmp_path, ONE_METER)
    probe = only_probe(tmp_path)
    tree.path("x").write_text(shown)
    (failed,) = probe.read()
    assert isinstance(failed.value, Failure)
    assert "power1_average" in failed.value.reason
    tree.advance_to(0)
    (mended,) = probe.read()
    assert mended.value == pytest.approx(42.0)


def test_a_device_that_goes_away_gives_failures_and_leaves_no_file_open(tmp_path: Path) -> None:
    tree = SimulatedHwmon(tmp_path, ONE_METER)
    probe = only_probe(tmp_path)
    open_before = len(os.listdir("/dev/fd"))
    path = tree.path("x")
    path.write_text("")
    path.unlink()
    for _ in range(3):
        (failed,) = probe.read()
        assert isinstance(failed.value, Failure)
    assert len(os.listdir("/dev/fd")) < open_before


def test_a_meter_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    tree = SimulatedHwmon(tmp_path, GRACE[1:2])
    path = tree.path("Grace Power Socket 0")
    path.unlink()
    path.mkdir()
    (refusal,) = find(tmp_path, ManualClock()).refusals
    assert refusal.component is Component.CPU
    assert "Is a directory" in refusal.reason


def test_a_name_that_another_probe_uses_is_left_to_it(tmp_path: Path) -> None:
    SimulatedHwmon(tmp_path, GRACE)
    assert "cpu0" not in containers(only_probe(tmp_path, taken=["cpu0"]))
