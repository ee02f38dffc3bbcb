"""The conditions of processors, from a folder as sysfs is."""

from pathlib import Path

import pytest

from effmeter.channel import PROCESSORS, Condition
from effmeter.probes.base import Conditions
from effmeter.probes.processors import MOST_POLICIES, ProcessorConditions
from tests.simulated.clock import ManualClock


def write(path: Path, text: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def add_policy(sysfs: Path, number: int, clock_khz: int, governor: str = "schedutil") -> None:
    folder = sysfs / f"devices/system/cpu/cpufreq/policy{number}"
    write(folder / "scaling_cur_freq", clock_khz)
    write(folder / "scaling_max_freq", 3_600_000)
    write(folder / "scaling_governor", governor)


def add_throttle(sysfs: Path, cpu: int, package: int, throttled_ms: int) -> Path:
    folder = sysfs / f"devices/system/cpu/cpu{cpu}"
    file = folder / "thermal_throttle/package_throttle_total_time_ms"
    write(file, throttled_ms)
    write(folder / "topology/physical_package_id", package)
    return file


def seen(sysfs: Path) -> dict[str, Conditions]:
    return ProcessorConditions(sysfs, ManualClock()).conditions()


def test_clock_governor_and_limits_of_all_processors(tmp_path: Path) -> None:
    add_policy(tmp_path, 0, 2_000_000)
    add_policy(tmp_path, 1, 3_000_000, "performance")
    write(tmp_path / "devices/system/cpu/cpufreq/boost", 0)
    assert seen(tmp_path)[PROCESSORS].values == {
        Condition.CLOCK: 2.5e9,
        Condition.CLOCK_LIMIT: 3.6e9,
        Condition.GOVERNOR: "performance, schedutil",
        Condition.BOOST: 0.0,
    }


@pytest.mark.parametrize(("no_turbo", "boost"), [(0, 1.0), (1, 0.0)])
def test_intels_driver_states_the_boost_the_other_way_round(
    tmp_path: Path, no_turbo: int, boost: float
) -> None:
    write(tmp_path / "devices/system/cpu/intel_pstate/no_turbo", no_turbo)
    assert seen(tmp_path)[PROCESSORS].values == {Condition.BOOST: boost}


def test_the_hottest_package_counts(tmp_path: Path) -> None:
    for number, (name, degrees) in enumerate((("coretemp", 61), ("nvme", 80), ("coretemp", 64))):
        write(tmp_path / f"class/hwmon/hwmon{number}/name", name)
        write(tmp_path / f"class/hwmon/hwmon{number}/temp1_input", degrees * 1000)
    assert seen(tmp_path)[PROCESSORS].values == {Condition.TEMPERATURE: 64.0}


def test_the_long_term_limit_of_a_package_is_that_of_its_channel(tmp_path: Path) -> None:
    for zone, name in (("intel-rapl:0", "package-0"), ("intel-rapl:0:0", "dram")):
        write(tmp_path / f"class/powercap/{zone}/name", name)
        for number, constraint in enumerate(("short_term", "long_term")):
            folder = tmp_path / "class/powercap" / zone
            write(folder / f"constraint_{number}_name", constraint)
            write(folder / f"constraint_{number}_power_limit_uw", (number + 1) * 65_000_000)
    assert seen(tmp_path) == {"cpu0": Conditions({Condition.POWER_LIMIT: 130.0})}


def test_throttling_is_a_part_of_the_time_since_the_last_look(tmp_path: Path) -> None:
    files = [add_throttle(tmp_path, cpu, package, 1000) for cpu, package in ((0, 0), (2, 1))]
    add_throttle(tmp_path, 1, 0, 99_999)
    clock = ManualClock()
    processors = ProcessorConditions(tmp_path, clock)
    assert processors.conditions() == {}, "nothing to compare with yet"
    clock.advance(2.0)
    write(files[1], 1500)
    assert processors.conditions()[PROCESSORS].throttled == {"thermal limit": 0.25}
    clock.advance(1.0)
    assert processors.conditions()[PROCESSORS].throttled == {"thermal limit": 0.0}


def test_of_many_processors_some_stand_for_all(tmp_path: Path) -> None:
    for number in range(5 * MOST_POLICIES):
        add_policy(tmp_path, number, 1_000_000 if number % 5 == 0 else 1)
    assert seen(tmp_path)[PROCESSORS].values[Condition.CLOCK] == 1e9


def test_a_machine_that_shows_nothing_has_no_conditions(tmp_path: Path) -> None:
    assert seen(tmp_path) == {}
