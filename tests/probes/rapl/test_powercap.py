import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effmeter.channel import Component, Kind, Provenance
from effmeter.energy import trace
from effmeter.energy.counter import Counter, CounterLimits
from effmeter.probes.base import Failure
from effmeter.probes.rapl.powercap import SCAN_PERIOD_NS, PowercapProbe, find
from tests.probes.rapl.rapl_bench import RaplBench, unprivileged
from tests.simulated.clock import ManualClock
from tests.simulated.powercap import SimulatedPowercap, SimulatedZone, dram, package, psys
from tests.simulated.waveforms import Sine, Waveform, bursts, constant, square

STEADY = constant(50.0)


def zone(folder: str, name: str, channel: str = "none") -> SimulatedZone:
    return SimulatedZone(folder, name, channel, STEADY)


def containers(probe: PowercapProbe) -> dict[str, str | None]:
    return {channel.name: channel.contained_in for channel in probe.channels}


def only_count(probe: PowercapProbe) -> int:
    (reading,) = probe.read()
    assert isinstance(reading.value, int)
    return reading.value


def test_zones_become_channels_that_name_what_contains_them(tmp_path: Path) -> None:
    zones = [
        package(0, STEADY),
        zone("intel-rapl:0:0", "core"),
        zone("intel-rapl:0:1", "uncore"),
        zone("intel-rapl:0:2", "dram"),
        zone("intel-rapl:1", "psys"),
    ]
    SimulatedPowercap(tmp_path, zones)
    probe = PowercapProbe(tmp_path, ManualClock())
    assert containers(probe) == {
        "cpu0": "psys",
        "cpu0-core": "cpu0",
        "cpu0-uncore": "cpu0",
        "dram0": "psys",
        "psys": None,
    }
    components = {channel.name: channel.component for channel in probe.channels}
    assert components["dram0"] is Component.RAM
    assert components["psys"] is Component.BOARD
    assert {c for n, c in components.items() if n.startswith("cpu")} == {Component.CPU}
    assert probe.refusals == ()


def test_dies_and_sockets_are_told_apart(tmp_path: Path) -> None:
    zones = [
        zone("intel-rapl:0", "package-0-die-0"),
        zone("intel-rapl:0:0", "dram"),
        zone("intel-rapl:1", "package-0-die-1"),
        zone("intel-rapl:1:0", "dram"),
        zone("intel-rapl:10", "package-1"),
    ]
    SimulatedPowercap(tmp_path, zones)
    assert containers(PowercapProbe(tmp_path)) == dict.fromkeys(
        ["cpu0-die0", "dram0-die0", "cpu0-die1", "dram0-die1", "cpu1"]
    )


def test_each_socket_lies_in_its_own_platform_zone(tmp_path: Path) -> None:
    zones = [package(0, STEADY), package(1, STEADY)]
    zones += [zone("intel-rapl:2", "psys"), zone("intel-rapl:3", "psys-1")]
    SimulatedPowercap(tmp_path, zones)
    found = containers(PowercapProbe(tmp_path))
    assert found == {"cpu0": "psys", "cpu1": "psys1", "psys": None, "psys1": None}


def test_a_channel_states_what_its_arithmetic_needs(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY, limit_uw=125_000_000)])
    (channel,) = PowercapProbe(tmp_path).channels
    assert channel.kind is Kind.COUNTER
    assert channel.provenance is Provenance.MEASURED
    assert channel.unit_j == 1e-6
    assert channel.modulus == 262_143_328_851
    assert channel.max_power_w is not None
    assert channel.max_power_w > 125.0, "turbo exceeds the stated limit"
    assert channel.source.endswith("intel-rapl:0/energy_uj")


def test_no_wrap_is_assumed_where_the_range_cannot_be_read(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY, range_uj=None)])
    (channel,) = PowercapProbe(tmp_path).channels
    assert channel.modulus is None
    assert "max_energy_range_uj" in channel.scope
    assert channel.max_power_w is None


def test_the_mmio_way_to_a_package_is_used_only_where_there_is_no_other(tmp_path: Path) -> None:
    both, alone = tmp_path / "both", tmp_path / "alone"
    mmio = zone("intel-rapl-mmio:0", "package-0")
    SimulatedPowercap(both, [mmio, package(0, STEADY)])
    SimulatedPowercap(alone, [mmio])
    (preferred,) = PowercapProbe(both).channels
    (only,) = PowercapProbe(alone).channels
    assert "rapl-mmio" not in preferred.source
    assert "rapl-mmio" in only.source
    assert preferred.name == only.name == "cpu0"


@pytest.mark.parametrize("power_w", [45.0, 7.5])
def test_a_package_is_read_through_mmio_where_its_msr_zone_has_no_counter(
    tmp_path: Path, power_w: float
) -> None:
    mmio = SimulatedZone("intel-rapl-mmio:0", "package-0", "mmio", constant(power_w))
    bench = RaplBench(tmp_path, [package(0, STEADY), mmio])
    bench.tree.path("cpu0").unlink()
    assert bench.total_w() == pytest.approx(power_w, rel=1e-3)
    (refusal,) = bench.refusals
    assert refusal.leaves_unread == ""
    assert refusal.reason.endswith("No such file or directory; another zone shows cpu0")
    assert bench.cover.partial == ()


def test_a_package_is_read_through_mmio_where_its_msr_zone_is_for_root_alone(
    open_folder: Path,
) -> None:
    mmio = [
        SimulatedZone("intel-rapl-mmio:0", "package-0", "mmio", constant(45.0)),
        SimulatedZone("intel-rapl-mmio:0:0", "dram", "mmio-dram", constant(3.0)),
    ]
    bench = RaplBench(open_folder, [package(0, STEADY), dram(0, STEADY), *mmio])
    for channel, mode in (("cpu0", 0), ("dram0", 0), ("mmio", 0o444), ("mmio-dram", 0o444)):
        bench.tree.path(channel).chmod(mode or (0o400 if os.geteuid() == 0 else 0))
    with unprivileged():
        assert [channel.name for channel in bench.probe.channels] == ["cpu0", "dram0"]
    assert bench.total_w() == pytest.approx(48.0, rel=1e-3)


def test_msr_and_mmio_zones_of_other_names_count_once(tmp_path: Path) -> None:
    """Their names can differ where one of the drivers tells dies apart and the other does not."""
    counters = [
        SimulatedZone("intel-rapl:0", "package-0-die-0", "msr", STEADY, start_uj=10**10),
        SimulatedZone("intel-rapl-mmio:0", "package-0", "mmio", STEADY, start_uj=10**10),
    ]
    assert RaplBench(tmp_path, counters).total_w() == pytest.approx(50.0, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "gain_error_fraction", "least_power_w"),
    [("cpu0", 0.03, 0.1), ("dram0", 0.2, 0.0), ("cpu0-core", 0.03, 0.0), ("psys", 0.03, 0.1)],
)
def test_a_channel_states_its_error_and_the_least_that_its_domain_draws(
    tmp_path: Path, name: str, gain_error_fraction: float, least_power_w: float
) -> None:
    zones = [package(0, STEADY), dram(0, STEADY), zone("intel-rapl:0:1", "core"), psys(STEADY)]
    SimulatedPowercap(tmp_path, zones)
    (channel,) = (c for c in PowercapProbe(tmp_path).channels if c.name == name)
    assert channel.gain_error_fraction == gain_error_fraction
    assert channel.least_power_w == least_power_w


def test_an_unknown_zone_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY), zone("intel-rapl:1", "reactor")])
    probe = PowercapProbe(tmp_path)
    assert list(containers(probe)) == ["cpu0"]
    assert "reactor" in probe.refusals[0].reason


@pytest.mark.parametrize(
    "waveform", [Sine(60.0, 25.0, 0.31), bursts(10.0, 90.0, (0.05, 0.02, 0.2, 0.13))]
)
def test_the_energy_across_many_wraps_is_the_truth_within_its_interval(
    tmp_path: Path, waveform: Waveform
) -> None:
    clock = ManualClock(5_000_000_000)
    zones = [package(0, waveform, range_uj=9_999_999, start_uj=9_000_000, limit_uw=100_000_000)]
    tree = SimulatedPowercap(tmp_path, zones, origin_ns=clock.time_ns)
    probe = PowercapProbe(tmp_path, clock)
    (channel,) = probe.channels
    counter = Counter(CounterLimits.of(channel))
    times_ns, energies_j = [], []
    for _ in range(400):
        tree.advance_to(clock.advance(0.0101))
        (reading,) = probe.read()
        assert isinstance(reading.value, int)
        assert (reading.begin_ns, reading.end_ns) == (clock.time_ns, clock.time_ns)
        energies_j.append(counter.update(reading.end_ns, reading.value))
        times_ns.append(reading.end_ns)
        assert counter.loss is None
    measured = trace(channel, np.array(times_ns), np.array(energies_j, float))
    for begin, end in ((3, 391), (10, 37), (100, 101)):
        window_ns = times_ns[begin] + 3_000_000, times_ns[end] - 2_000_000
        energy = measured.energy(*window_ns)
        assert energy is not None
        assert energy.low_j <= tree.true_energy_j("cpu0", *window_ns) <= energy.high_j


@given(steps_ms=st.lists(st.integers(1, 300), min_size=2, max_size=60))
@settings(max_examples=25, deadline=None)
def test_any_reading_times_recover_the_counted_energy(steps_ms: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock()
        zones = [package(0, square(5.0, 60.0, 0.04), range_uj=70_000_000, limit_uw=60_000_000)]
        tree = SimulatedPowercap(Path(folder), zones)
        probe = PowercapProbe(Path(folder), clock)
        counter = Counter(CounterLimits.of(probe.channels[0]))
        counter.update(0, only_count(probe))
        energy_j: float | None = None
        for step_ms in steps_ms:
            tree.advance_to(clock.advance(step_ms * 1e-3))
            energy_j = counter.update(clock.time_ns, only_count(probe))
        assert energy_j == pytest.approx(tree.true_energy_j("cpu0", 0, clock.time_ns), abs=2e-6)
        probe.close()
        tree.close()


def test_a_zone_that_goes_away_gives_failures_until_it_is_back(tmp_path: Path) -> None:
    tree = SimulatedPowercap(tmp_path, [package(0, STEADY), package(1, STEADY)])
    probe = PowercapProbe(tmp_path, ManualClock())
    tree.fail("cpu0")
    for _ in range(2):
        failed, other = probe.read()
        assert isinstance(failed.value, Failure)
        assert "energy_uj" in failed.value.reason
        assert isinstance(other.value, int)
    tree.restore("cpu0")
    tree.advance_to(1_000_000_000)
    assert [reading.value for reading in probe.read()] == [50_000_000, 50_000_000]


def test_a_zone_that_appears_in_mid_run_becomes_a_channel(tmp_path: Path) -> None:
    clock = ManualClock()
    tree = SimulatedPowercap(tmp_path, [package(0, STEADY)])
    probe = PowercapProbe(tmp_path, clock)
    tree.add(dram(0, constant(4.0)))
    assert [reading.channel for reading in probe.read()] == ["cpu0"]
    clock.advance(SCAN_PERIOD_NS * 1e-9)
    assert [reading.channel for reading in probe.read()] == ["cpu0", "dram0"]
    assert [channel.name for channel in probe.channels] == ["cpu0", "dram0"]


def test_a_counter_for_root_alone_is_refused_with_the_commands_that_help(open_folder: Path) -> None:
    tree = SimulatedPowercap(open_folder, [package(0, STEADY), zone("intel-rapl:0:0", "core")])
    tree.path("cpu0").chmod(0o400 if os.geteuid() == 0 else 0)
    (open_folder / "class/powercap/intel-rapl:0:0/energy_uj").chmod(0o444)
    with unprivileged():
        found = find(open_folder, ManualClock())
    assert found.channels == (), "the cores alone would pass for the whole processor"
    (refusal,) = found.refusals
    assert refusal.present
    assert refusal.component is Component.CPU
    assert "only root" in refusal.reason
    assert refusal.leaves_unread == "cpu0"
    first, *others = refusal.remedy.splitlines()
    assert first.startswith("sudo ")
    assert "daemon run" in first
    assert any("chmod" in command for command in others)


def test_cores_that_refuse_leave_nothing_unread_that_their_package_does_not_have(
    tmp_path: Path,
) -> None:
    SimulatedPowercap(tmp_path, [package(0, STEADY), zone("intel-rapl:0:0", "core")])
    (tmp_path / "class/powercap/intel-rapl:0:0/energy_uj").unlink()
    (refusal,) = find(tmp_path, ManualClock()).refusals
    assert refusal.leaves_unread == ""


def test_a_counter_that_may_be_read_later_becomes_a_channel_then(open_folder: Path) -> None:
    clock = ManualClock()
    tree = SimulatedPowercap(open_folder, [package(0, STEADY), psys(STEADY)])
    tree.path("psys").chmod(0o444)
    tree.path("cpu0").chmod(0o400 if os.geteuid() == 0 else 0)
    with unprivileged():
        probe = PowercapProbe(open_folder, clock)
    assert list(containers(probe)) == ["psys"]
    tree.path("cpu0").chmod(0o444)
    clock.advance(SCAN_PERIOD_NS * 1e-9)
    probe.read()
    assert list(containers(probe)) == ["psys", "cpu0"]
    assert probe.refusals == ()


def test_a_counter_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    tree = SimulatedPowercap(tmp_path, [package(0, STEADY)])
    tree.path("cpu0").unlink()
    tree.path("cpu0").mkdir()
    (refusal,) = find(tmp_path, ManualClock()).refusals
    assert "Is a directory" in refusal.reason


def test_trying_a_broken_counter_again_and_again_leaves_no_files_open(tmp_path: Path) -> None:
    clock = ManualClock()
    tree = SimulatedPowercap(tmp_path, [package(0, STEADY)])
    tree.path("cpu0").write_text("nothing to count")
    probe = PowercapProbe(tmp_path, clock)
    open_before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        clock.advance(SCAN_PERIOD_NS * 1e-9)
        assert probe.read() == []
    assert len(os.listdir("/dev/fd")) == open_before


def test_a_machine_that_shows_no_zones_says_so(tmp_path: Path) -> None:
    found = find(tmp_path, ManualClock())
    assert found.probes == ()
    (refusal,) = found.refusals
    assert "no RAPL zones" in refusal.reason
    assert refusal.present
