import errno
import os
import time
from pathlib import Path

import pytest

from effmeter.channel import Component, Kind
from effmeter.clock import SystemClock
from effmeter.energy.counter import Counter, CounterLimits
from effmeter.probes.base import Failure
from effmeter.probes.rapl.perf import PerfProbe, find
from effmeter.probes.rapl.perf_events import PowerPmu, open_system_wide, power_pmu
from tests.probes.rapl.rapl_bench import AMD, HYGON, INTEL, unprivileged, write_modalias
from tests.simulated.clock import ManualClock
from tests.simulated.power_pmu import RAPL_EVENTS, SOFTWARE_PMU, build_power_pmu


def the_pmu(sysfs: Path) -> PowerPmu:
    pmu = power_pmu(sysfs)
    assert pmu is not None
    return pmu


def zeros(pmu_type: int, config: int, cpu: int) -> int:
    return os.open("/dev/zero", os.O_RDONLY)


def containers(probe: PerfProbe) -> dict[str, str | None]:
    found = {channel.name: channel.contained_in for channel in probe.channels}
    probe.close()
    return found


def test_events_of_zones_that_powercap_refuses_become_channels(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, RAPL_EVENTS | {"energy-psys": 5}, [(0, 0), (1, 0)])
    probe = PerfProbe(the_pmu(tmp_path), ManualClock(), (), zeros)
    assert {channel.kind for channel in probe.channels} == {Kind.COUNTER}
    assert {channel.unit_j for channel in probe.channels} == {2.0**-32}
    assert {channel.modulus for channel in probe.channels} == {None}, "the kernel absorbs wraps"
    assert containers(probe) == {
        "cpu0-perf": "cpu0",
        "cpu1-perf": "cpu1",
        "dram0-perf": "dram0",
        "dram1-perf": "dram1",
        "cpu0-core-perf": "cpu0-perf",
        "cpu1-core-perf": "cpu1-perf",
        "cpu0-uncore-perf": "cpu0-perf",
        "cpu1-uncore-perf": "cpu1-perf",
        "psys-perf": "psys",
    }


def test_what_powercap_reads_is_left_to_it(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, RAPL_EVENTS)
    taken = ["cpu0", "cpu0-core"]
    probe = PerfProbe(the_pmu(tmp_path), ManualClock(), taken, zeros)
    assert containers(probe) == {"dram0-perf": "dram0", "cpu0-uncore-perf": "cpu0"}


def test_dies_are_named_as_powercap_names_them(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2}, [(0, 0), (0, 1), (1, 0)])
    probe = PerfProbe(the_pmu(tmp_path), ManualClock(), (), zeros)
    assert list(containers(probe)) == ["cpu0-die0-perf", "cpu0-die1-perf", "cpu1-perf"]


@pytest.mark.parametrize("vendor", [AMD, HYGON])
def test_the_dies_of_an_amd_package_are_one_counter(tmp_path: Path, vendor: str) -> None:
    places = [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4)]
    build_power_pmu(tmp_path, {"energy-pkg": 2}, places)
    write_modalias(tmp_path, vendor)
    pmu = the_pmu(tmp_path)
    assert pmu.packages == {"0": 0, "1": 24}
    probe = PerfProbe(pmu, ManualClock(), (), zeros)
    assert [channel.may_repeat for channel in probe.channels] == ["", ""]
    assert list(containers(probe)) == ["cpu0-perf", "cpu1-perf"]


def test_the_dies_of_an_intel_package_have_a_counter_each(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2}, [(0, 0), (0, 1)])
    write_modalias(tmp_path, INTEL)
    probe = PerfProbe(the_pmu(tmp_path), ManualClock(), (), zeros)
    assert [channel.may_repeat for channel in probe.channels] == ["", ""]
    assert list(containers(probe)) == ["cpu0-die0-perf", "cpu0-die1-perf"]


def test_the_packages_of_a_guest_may_be_one_counter_and_say_so(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2, "energy-ram": 3}, [(0, 0), (1, 0), (2, 0)])
    write_modalias(tmp_path, INTEL, "009F")
    probe = PerfProbe(the_pmu(tmp_path), ManualClock(), (), zeros)
    packages = ["", "cpu0-perf", "cpu0-perf"]
    memories = ["", "dram0-perf", "dram0-perf"]
    assert [channel.may_repeat for channel in probe.channels] == packages + memories
    probe.close()


def test_each_event_is_opened_for_the_cpu_of_its_package(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2, "energy-ram": 3}, [(0, 0), (1, 0)])
    asked = []

    def remember(pmu_type: int, config: int, cpu: int) -> int:
        asked.append((pmu_type, config, cpu))
        return zeros(pmu_type, config, cpu)

    PerfProbe(the_pmu(tmp_path), ManualClock(), (), remember).close()
    assert asked == [(32, 2, 0), (32, 2, 8), (32, 3, 0), (32, 3, 8)]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_a_refused_event_names_the_commands_that_help(tmp_path: Path, code: int) -> None:
    build_power_pmu(tmp_path, RAPL_EVENTS)

    def refuse(pmu_type: int, config: int, cpu: int) -> int:
        raise OSError(code, os.strerror(code))

    probe = PerfProbe(the_pmu(tmp_path), ManualClock(), (), refuse)
    assert probe.channels == ()
    components = [refusal.component for refusal in probe.refusals]
    assert components == [Component.CPU, Component.RAM], "its parts are not asked for"
    first, *others = probe.refusals[0].remedy.splitlines()
    assert "daemon run" in first
    assert any("perf_event_paranoid" in command for command in others)


@pytest.mark.parametrize(("paranoid", "remedy"), [("2", "setpriv"), ("0", "--cap-add PERFMON")])
def test_the_remedy_for_a_refused_event_is_one_that_is_not_in_place(
    tmp_path: Path, paranoid: str, remedy: str
) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2})
    setting = tmp_path / "perf_event_paranoid"
    setting.write_text(f"{paranoid}\n")

    def refuse(pmu_type: int, config: int, cpu: int) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    probe = PerfProbe(the_pmu(tmp_path), ManualClock(), (), refuse, setting)
    assert remedy in probe.refusals[0].remedy


def test_an_event_whose_description_is_closed_is_refused(open_folder: Path) -> None:
    build_power_pmu(open_folder, {"energy-pkg": 2, "energy-ram": 3, "energy-gpu": 4})
    for name in ("energy-pkg", "energy-gpu"):
        (open_folder / "devices/power/events" / name).chmod(0)
    with unprivileged():
        probe = PerfProbe(the_pmu(open_folder), ManualClock(), (), zeros)
    assert list(containers(probe)) == ["dram0-perf"]
    (refusal,) = probe.refusals
    assert refusal.component is Component.CPU
    assert refusal.reason.startswith("hidden here")


def test_events_whose_folder_is_closed_are_refused(open_folder: Path) -> None:
    build_power_pmu(open_folder, {"energy-pkg": 2})
    (open_folder / "devices/power/events").chmod(0)
    try:
        with unprivileged():
            found = find(open_folder, ManualClock())
    finally:
        (open_folder / "devices/power/events").chmod(0o755)
    assert found.channels == ()
    (refusal,) = found.refusals
    assert refusal.component is Component.CPU
    assert "hidden here" in refusal.reason


def test_an_event_that_the_processor_lacks_is_refused_with_the_reason(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2, "energy-ram": 3})

    def only_packages(pmu_type: int, config: int, cpu: int) -> int:
        if config == 3:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return zeros(pmu_type, config, cpu)

    probe = PerfProbe(the_pmu(tmp_path), ManualClock(), (), only_packages)
    assert list(containers(probe)) == ["cpu0-perf"]
    assert "Invalid argument" in probe.refusals[0].reason


def test_an_event_whose_cpu_goes_offline_is_a_failure(tmp_path: Path) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2})
    probe = PerfProbe(
        the_pmu(tmp_path), ManualClock(), (), lambda *_: os.open("/dev/null", os.O_RDONLY)
    )
    (reading,) = probe.read()
    assert isinstance(reading.value, Failure)
    assert "offline" in reading.value.reason
    probe.close()


def test_a_machine_without_the_pmu_is_silent(tmp_path: Path) -> None:
    found = find(tmp_path, ManualClock())
    assert (found.probes, found.refusals) == ((), ())


@pytest.mark.parametrize("content", ["", "event=", "config=0x2"])
def test_an_event_that_cannot_be_understood_is_passed_over(tmp_path: Path, content: str) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2, "energy-ram": 3})
    (tmp_path / "devices/power/events/energy-pkg").write_text(content)
    assert list(the_pmu(tmp_path).events) == ["energy-ram"]


@pytest.mark.parametrize("scale", ["", "many", "0", "-1"])
def test_an_unreadable_scale_is_the_usual_one(tmp_path: Path, scale: str) -> None:
    build_power_pmu(tmp_path, {"energy-pkg": 2}, scale=scale)
    assert the_pmu(tmp_path).events["energy-pkg"].unit_j == 2.0**-32


@pytest.fixture
def counted_nanoseconds(tmp_path: Path) -> PerfProbe:
    """The kernel's own count of nanoseconds, taken for nanojoules: a processor of one watt."""
    try:
        os.close(open_system_wide(SOFTWARE_PMU, 0, 0))
    except OSError as error:
        pytest.skip(f"perf events may not be opened here: {error.strerror}")
    build_power_pmu(tmp_path, {"energy-pkg": 0}, pmu_type=SOFTWARE_PMU, scale="1e-9")
    found = find(tmp_path, SystemClock())
    (probe,) = found.probes
    assert isinstance(probe, PerfProbe)
    return probe


def test_the_kernel_s_counts_are_read_as_energy(counted_nanoseconds: PerfProbe) -> None:
    probe = counted_nanoseconds
    counter = Counter(CounterLimits.of(probe.channels[0]))
    (first,) = probe.read()
    assert isinstance(first.value, int)
    counter.update(first.end_ns, first.value)
    until_s = time.monotonic() + 0.05
    while time.monotonic() < until_s:
        (last,) = probe.read()
    assert isinstance(last.value, int)
    energy_j = counter.update(last.end_ns, last.value)
    probe.close()
    assert energy_j is not None
    shortest_s = (last.begin_ns - first.end_ns) * 1e-9
    longest_s = (last.end_ns - first.begin_ns) * 1e-9
    assert shortest_s * 0.999 - 1e-5 <= energy_j <= longest_s * 1.001 + 1e-5
