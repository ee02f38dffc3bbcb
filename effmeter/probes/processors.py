"""What bears on the processors' power: clocks and their policy, temperature, limits, throttling.

All of it is read from small files that every user may read:

=================  ==============================================================
condition          file below ``/sys``
=================  ==============================================================
clock              ``devices/system/cpu/cpufreq/policyN/scaling_cur_freq``
clock limit        ``…/scaling_max_freq``, the highest of all policies
governor           ``…/scaling_governor``
boost              ``devices/system/cpu/cpufreq/boost``, ``…/intel_pstate/no_turbo``
temperature        ``class/hwmon/*/temp1_input`` of coretemp, k10temp, zenpower
throttled          ``…/cpuN/thermal_throttle/package_throttle_total_time_ms``
power limit        ``class/powercap/intel-rapl:N/constraint_*_power_limit_uw``
=================  ==============================================================

Source: the kernel's ``Documentation/admin-guide/pm/cpufreq.rst``,
``Documentation/ABI/testing/sysfs-devices-system-cpu`` and ``Documentation/power/powercap``.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from effmeter.channel import PROCESSORS, Condition
from effmeter.clock import Clock
from effmeter.probes.base import Conditions
from effmeter.probes.sysfs import read_number, read_text

MOST_POLICIES = 16
"""On a machine with more processors, so many that are spread evenly stand for all."""
_SENSORS = ("coretemp", "k10temp", "zenpower")
_PACKAGE = re.compile(r"package-(\d+)")
_THERMAL = "thermal limit"


class ProcessorConditions:
    """Reads the conditions of the processors under ``sysfs``."""

    def __init__(self, sysfs: Path, clock: Clock) -> None:
        self._now_ns = clock.now_ns
        cpu = sysfs / "devices" / "system" / "cpu"
        policies = sorted((cpu / "cpufreq").glob("policy*"), key=_number_in)
        self._policies = policies[:: -(-len(policies) // MOST_POLICIES) or 1]
        self._boost = cpu / "cpufreq" / "boost"
        self._no_turbo = cpu / "intel_pstate" / "no_turbo"
        self._temperatures = list(_temperature_files(sysfs / "class" / "hwmon"))
        self._limits = dict(_limit_files(sysfs / "class" / "powercap"))
        self._throttles = list(_throttle_files(cpu))
        self._throttled_ms: dict[Path, int] = {}
        self._looked_ns = 0

    def conditions(self) -> dict[str, Conditions]:
        """The conditions of all processors together, and the power limit of each package."""
        found = {
            name: Conditions({Condition.POWER_LIMIT: limit_uw * 1e-6})
            for name, file in self._limits.items()
            if (limit_uw := read_number(file)) is not None
        }
        own = Conditions(dict(self._values()), self._throttled())
        return {PROCESSORS: own, **found} if own.values or own.throttled else found

    def _values(self) -> Iterator[tuple[Condition, float | str]]:
        clocks = _numbers(policy / "scaling_cur_freq" for policy in self._policies)
        if clocks:
            yield Condition.CLOCK, sum(clocks) / len(clocks) * 1e3
        limits = _numbers(policy / "scaling_max_freq" for policy in self._policies)
        if limits:
            yield Condition.CLOCK_LIMIT, max(limits) * 1e3
        texts = (read_text(policy / "scaling_governor") for policy in self._policies)
        governors = sorted({text for text in texts if text})
        if governors:
            yield Condition.GOVERNOR, ", ".join(governors)
        boost, no_turbo = read_number(self._boost), read_number(self._no_turbo)
        if boost is not None or no_turbo is not None:
            yield Condition.BOOST, float(boost if boost is not None else not no_turbo)
        degrees = _numbers(self._temperatures)
        if degrees:
            yield Condition.TEMPERATURE, max(degrees) * 1e-3

    def _throttled(self) -> dict[str, float]:
        """The most that any package was throttled since the last look; unknown at the first."""
        now_ns = self._now_ns()
        elapsed_ms = (now_ns - self._looked_ns) * 1e-6
        seen = {file: ms for file in self._throttles if (ms := read_number(file)) is not None}
        before, self._throttled_ms, self._looked_ns = self._throttled_ms, seen, now_ns
        shares = [(ms - before[f]) / elapsed_ms for f, ms in seen.items() if f in before]
        return {_THERMAL: min(1.0, max(0.0, *shares))} if shares and elapsed_ms > 0 else {}


def _numbers(files: Iterable[Path]) -> list[int]:
    shown = (read_number(file) for file in files)
    return [number for number in shown if number is not None and number > 0]


def _number_in(path: Path) -> int:
    digits = re.sub(r"\D", "", path.name)
    return int(digits) if digits else 0


def _temperature_files(hwmon: Path) -> Iterator[Path]:
    """The first temperature of each processor: that of the package, or the control value."""
    for folder in sorted(hwmon.glob("*"), key=_number_in):
        if read_text(folder / "name") in _SENSORS:
            yield folder / "temp1_input"


def _limit_files(powercap: Path) -> Iterator[tuple[str, Path]]:
    """The long-term limit of each package, by the name of its channel."""
    for zone in sorted(powercap.glob("intel-rapl:*")):
        package = _PACKAGE.fullmatch(read_text(zone / "name") or "")
        for name in sorted(zone.glob("constraint_*_name")) if package else ():
            if package and read_text(name) == "long_term":
                yield f"cpu{package[1]}", zone / name.name.replace("_name", "_power_limit_uw")


def _throttle_files(cpu: Path) -> Iterator[Path]:
    """The counter of one processor of each package, which all of its processors show."""
    packages = set()
    for folder in sorted(cpu.glob("cpu[0-9]*"), key=_number_in):
        package = read_text(folder / "topology" / "physical_package_id")
        file = folder / "thermal_throttle" / "package_throttle_total_time_ms"
        if package not in packages and file.exists():
            packages.add(package)
            yield file
