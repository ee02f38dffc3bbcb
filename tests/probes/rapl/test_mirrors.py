"""A counter that several zones show counts once; counters that only look alike all count."""

import os
from pathlib import Path

import pytest

from effmeter.probes.rapl import perf
from effmeter.probes.rapl.perf_events import power_pmu
from effmeter.probes.rapl.powercap import SCAN_PERIOD_NS
from tests.probes.rapl.rapl_bench import (
    AMD,
    HYGON,
    INTEL,
    LONG_AGO_UJ,
    RaplBench,
    dies,
    write_modalias,
    zone,
)
from tests.simulated.power_pmu import build_power_pmu
from tests.simulated.powercap import SimulatedZone, package
from tests.simulated.waveforms import bursts, constant


def test_two_sockets_that_show_a_zone_for_each_core_die_count_once(tmp_path: Path) -> None:
    zones = dies(0, 0, 200.0, LONG_AGO_UJ) + dies(1, 8, 180.0, LONG_AGO_UJ + 4_000_000)
    zones += [
        zone(f"intel-rapl:{i:x}:0", "core", 5.0, LONG_AGO_UJ - 5_000_000 + 1_000 * i)
        for i in range(16)
    ]
    bench = RaplBench(tmp_path, zones)
    assert bench.total_w() == pytest.approx(380.0, rel=1e-3)
    assert bench.names == ["cpu0", "cpu0-core", "cpu1", "cpu1-core"]
    assert bench.cover.partial == ()
    assert bench.probe.channels[1].repeated_by.startswith("core of cpu0-die1, core of cpu0-die2")


def test_the_channel_names_the_zones_that_repeat_it(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, dies(0, 0, 68.0, LONG_AGO_UJ, 2) + dies(1, 2, 90.0, 3 * 10**9, 8))
    one, other = bench.probe.channels
    assert one.repeated_by == "package-0-die-1"
    assert other.repeated_by == "package-1-die-1, package-1-die-2, package-1-die-3 and 4 more"
    assert (one.may_repeat, other.may_repeat) == ("", "")


@pytest.mark.parametrize(("power_w", "dies_of_one"), [(68.0, 2), (240.0, 4), (11.5, 12)])
def test_dies_of_one_package_that_show_one_counter_count_once(
    tmp_path: Path, power_w: float, dies_of_one: int
) -> None:
    bench = RaplBench(tmp_path, dies(0, 0, power_w, LONG_AGO_UJ + 2_000_000, dies_of_one))
    assert bench.total_w() == pytest.approx(power_w, rel=1e-3)
    assert bench.names == ["cpu0"]


def test_virtual_cpus_that_appear_as_packages_of_one_counter_count_once(tmp_path: Path) -> None:
    wave = bursts(20.0, 140.0, (0.03, 0.01, 0.07))
    start_uj = 41_000_000_000
    zones = [package(i, wave, start_uj=start_uj) for i in range(12)]
    zones += [SimulatedZone(f"intel-rapl:{i:x}:0", "dram", "m", wave, start_uj=7) for i in range(2)]
    bench = RaplBench(tmp_path, zones)
    assert bench.names[:1] == ["cpu0"]
    begin_s = (bench.clock.time_ns - bench.tree.origin_ns) * 1e-9
    total_w = bench.total_w()
    assert "cpu1" not in bench.names
    expected_w = wave.energy_j(begin_s, begin_s + 4) / 4
    assert total_w == pytest.approx(2 * expected_w, rel=0.01), "package and memory, each once"


def test_idle_dies_that_draw_the_same_count_twice(tmp_path: Path) -> None:
    zones = [package(0, constant(15.0), start_uj=4_500_000_000)]
    zones += [package(1, constant(15.0), start_uj=4_501_500_000)]
    assert RaplBench(tmp_path, zones).total_w() == pytest.approx(30.0, rel=1e-3)


def test_dies_of_one_package_that_count_by_themselves_all_count(tmp_path: Path) -> None:
    zones = [zone("intel-rapl:0", "package-0-die-0", 150.0, 3_000_000_000)]
    zones += [zone("intel-rapl:1", "package-0-die-1", 130.0, 2_600_000_000)]
    bench = RaplBench(tmp_path, zones)
    assert bench.total_w() == pytest.approx(280.0, rel=1e-3)
    assert bench.names == ["cpu0-die0", "cpu0-die1"]


def test_counters_that_began_a_moment_ago_stay_apart_and_say_so(tmp_path: Path) -> None:
    zones = [package(i, constant(20.0), start_uj=1_500_000) for i in range(2)]
    bench = RaplBench(tmp_path, zones)
    assert bench.total_w() == pytest.approx(40.0, rel=1e-3)
    assert [channel.may_repeat for channel in bench.probe.channels] == ["", "cpu0"]


def test_counters_at_zero_stay_apart(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, [package(i, constant(0.0)) for i in range(2)])
    assert bench.names == ["cpu0", "cpu1"]
    assert bench.paused_s == 0
    assert [channel.may_repeat for channel in bench.probe.channels] == ["", ""]


def test_a_machine_whose_counts_differ_is_read_at_once(tmp_path: Path) -> None:
    zones = [package(i, constant(50.0), start_uj=(i + 1) * 10**9) for i in range(4)]
    assert RaplBench(tmp_path, zones).names == ["cpu0", "cpu1", "cpu2", "cpu3"]
    assert RaplBench(tmp_path / "again", zones).paused_s == 0


def test_finding_the_counters_of_sixteen_zones_takes_thirty_milliseconds(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, dies(0, 0, 90.0, LONG_AGO_UJ, 16))
    assert bench.names == ["cpu0"]
    assert bench.paused_s < 0.03


@pytest.mark.parametrize("vendor", [AMD, HYGON])
def test_dies_of_amd_are_one_counter_where_their_counts_cannot_tell(
    tmp_path: Path, vendor: str
) -> None:
    write_modalias(tmp_path, vendor)
    bench = RaplBench(tmp_path, dies(0, 0, 77.0, 1_000_000, 4))
    assert bench.total_w() == pytest.approx(77.0, rel=1e-3)
    assert bench.names == ["cpu0"]


def test_dies_of_amd_that_show_their_counter_late_are_one(tmp_path: Path) -> None:
    write_modalias(tmp_path, AMD)
    late = zone("intel-rapl:1", "package-0-die-1", 90.0, LONG_AGO_UJ - 450_000)
    bench = RaplBench(tmp_path, [*dies(0, 0, 90.0, LONG_AGO_UJ, 1), late])
    assert bench.total_w() == pytest.approx(90.0, rel=1e-3)


def test_dies_of_intel_are_several_counters_where_their_counts_cannot_tell(tmp_path: Path) -> None:
    write_modalias(tmp_path, INTEL)
    bench = RaplBench(tmp_path, dies(0, 0, 77.0, 1_000_000, 2))
    assert bench.total_w() == pytest.approx(154.0, rel=1e-3)


def test_counts_that_differ_win_over_the_name_of_the_vendor(tmp_path: Path) -> None:
    write_modalias(tmp_path, AMD)
    zones = [zone("intel-rapl:0", "package-0-die-0", 60.0, 3_000_000_000)]
    zones += [zone("intel-rapl:1", "package-0-die-1", 50.0, 2_600_000_000)]
    assert RaplBench(tmp_path, zones).total_w() == pytest.approx(110.0, rel=1e-3)


def test_a_die_of_amd_that_is_closed_is_not_missing_beside_one_that_is_read(tmp_path: Path) -> None:
    write_modalias(tmp_path, AMD)
    bench = RaplBench(tmp_path, dies(0, 0, 77.0, LONG_AGO_UJ, 2))
    bench.tree.path("intel-rapl:1").unlink()
    assert bench.names == ["cpu0"]
    assert bench.cover.partial == ()


def test_a_core_zone_of_amd_is_one_core(tmp_path: Path) -> None:
    write_modalias(tmp_path, AMD)
    bench = RaplBench(tmp_path, [package(0, constant(50.0)), zone("intel-rapl:0:0", "core", 5.0)])
    assert bench.probe.channels[1].scope == "one core of the package"


def test_memory_of_mirrored_packages_that_counts_by_itself_all_counts(tmp_path: Path) -> None:
    zones = dies(0, 0, 100.0, LONG_AGO_UJ, 2)
    zones += [zone(f"intel-rapl:{i}:0", "dram", 4.0 + i, (i + 1) * 10**9) for i in range(2)]
    bench = RaplBench(tmp_path, zones)
    assert bench.names == ["cpu0", "dram0", "dram0-die1"]
    assert bench.total_w() == pytest.approx(109.0, rel=1e-3)


def test_memory_of_mirrored_packages_at_rest_counts_once(tmp_path: Path) -> None:
    zones = dies(0, 0, 100.0, LONG_AGO_UJ, 2)
    zones += [zone(f"intel-rapl:{i}:0", "dram", 0.0) for i in range(2)]
    assert RaplBench(tmp_path, zones).names == ["cpu0", "dram0"]


def test_a_zone_that_appears_later_and_repeats_another_is_no_channel(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, dies(0, 0, 100.0, LONG_AGO_UJ, 1))
    assert bench.names == ["cpu0-die0"]
    late = zone("intel-rapl:1", "package-0-die-1", 100.0, LONG_AGO_UJ)
    bench.tree.add(late)
    bench.advance(SCAN_PERIOD_NS * 1e-9)
    bench.probe.read()
    assert bench.names == ["cpu0-die0"]
    assert bench.probe.channels[0].repeated_by == "package-0-die-1"


def test_channels_found_to_be_one_counter_later_are_contained_from_then_on(tmp_path: Path) -> None:
    bench = RaplBench(tmp_path, [package(i, constant(20.0), start_uj=9_000_000) for i in range(2)])
    assert list(bench.cover.names) == ["cpu0", "cpu1"]
    for _ in range(6):
        bench.advance(SCAN_PERIOD_NS * 1e-9)
        bench.probe.read()
    assert list(bench.cover.names) == ["cpu0"]
    assert [channel.may_repeat for channel in bench.probe.channels] == ["", ""]


def test_channels_found_to_be_two_counters_later_no_longer_say_that_they_may_be_one(
    tmp_path: Path,
) -> None:
    later = bursts(20.0, 60.0, (3.0, 100.0))
    zones = [package(0, constant(20.0), start_uj=9_000_000)]
    bench = RaplBench(tmp_path, [*zones, package(1, later, start_uj=9_000_000)])
    assert bench.probe.channels[1].may_repeat == "cpu0"
    bench.advance(SCAN_PERIOD_NS * 1e-9)
    bench.probe.read()
    assert bench.probe.channels[1].may_repeat == ""
    assert bench.cover.names == ("cpu0", "cpu1")


def test_counters_that_stand_still_are_compared_a_few_times_and_no_more(tmp_path: Path) -> None:
    zones = [package(i, constant(0.0), start_uj=123_456_789) for i in range(2)]
    bench = RaplBench(tmp_path, zones)
    assert bench.names == ["cpu0", "cpu1"]
    for _ in range(4):
        bench.advance(SCAN_PERIOD_NS * 1e-9)
        bench.probe.read()
    paused_s = bench.paused_s
    bench.advance(SCAN_PERIOD_NS * 1e-9)
    bench.probe.read()
    assert bench.paused_s == paused_s
    assert bench.probe.channels[1].may_repeat == "cpu0"


def test_perf_does_not_read_a_counter_that_powercap_found_twice(tmp_path: Path) -> None:
    events = {"energy-cores": 1, "energy-pkg": 2, "energy-gpu": 4}
    build_power_pmu(tmp_path, events, [(0, 0), (1, 0)])
    bench = RaplBench(tmp_path, [package(i, constant(70.0), start_uj=10**10) for i in range(2)])
    assert bench.names == ["cpu0"]
    pmu = power_pmu(tmp_path)
    assert pmu is not None
    probe = perf.PerfProbe(
        pmu, bench.clock, bench.probe.zone_names, lambda *_: os.open("/dev/zero", os.O_RDONLY)
    )
    assert [channel.name for channel in probe.channels] == ["cpu0-core-perf", "cpu0-uncore-perf"]
    probe.close()
