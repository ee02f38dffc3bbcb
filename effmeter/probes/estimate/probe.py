"""Estimates for processors and memory, from what the system reports.

They count where no sensor covers a component. Where one does they are recorded in reserve, twice a
second: they take its place from where it fails.

These are estimates and say so: the true energy lies within the figure divided and multiplied by
``estimate_factor``. A GPU without a sensor is unknown, never estimated.

**Processor**: an idle share of its thermal design power while the machine is awake, and the rest
in proportion to the time its logical processors were busy. The design power, of all sockets
together, is taken from ``EFFMETER_CPU_TDP_W`` or the settings' file; without it, 5 W per logical
processor, which lies amid those of laptops (about 2 W), desktops (about 5 W) and servers of few
fast cores (about 10 W).

**Memory**: 3 W per 8 GiB, the figure that memory vendors give and CodeCarbon uses, unless it is
stated.

============ ========= ======= ==== ======= ============================= ==========
name         component kind    unit refresh scope                         provenance
============ ========= ======= ==== ======= ============================= ==========
cpu-estimate cpu       counter uJ   50 ms   utilisation of a design power estimated
ram-estimate ram       counter uJ   1 ms    power by size                 estimated
============ ========= ======= ==== ======= ============================= ==========
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import LIMIT_HEADROOM, Discovery, Reading
from effmeter.probes.estimate.settings import EstimateSettings, SettingError, read_settings

DEFAULT_TDP_PER_LOGICAL_CPU_W = 5.0
IDLE_FRACTION = 0.2
"""The idle processor's share of its design power."""
CPU_ESTIMATE_FACTOR = 2.5
RAM_W_PER_GIB = 3.0 / 8
RAM_ESTIMATE_FACTOR = 3.0
CPU_REFRESH_S = 0.05
"""Busy time is counted in ticks of 10 ms, apart for user, system and interrupts."""
RAM_REFRESH_S = 0.001
PERIOD_S = 0.1
RESERVE_PERIOD_S = 0.5
_BUSY_TIMES = ("user", "nice", "system", "irq", "softirq")


@dataclass(frozen=True, slots=True)
class HostFigures:
    """What the operating system tells of the machine."""

    busy_s: Callable[[], float]
    """Time that all logical processors together have been busy."""
    logical_cpus: int
    ram_bytes: int


class EstimateProbe:
    """Estimates processors, memory or both as counters that never fall (uJ since it began)."""

    def __init__(
        self,
        components: Collection[Component],
        host: HostFigures,
        clock: Clock | None = None,
        settings: EstimateSettings | None = None,
        period_s: float = PERIOD_S,
    ) -> None:
        self.name = "estimate" if period_s == PERIOD_S else "estimate-in-reserve"
        self.period_s = period_s
        self._host = host
        self._clock = clock or SystemClock()
        self._settings = settings = settings or EstimateSettings()
        self._tdp_w = settings.cpu_tdp_w or DEFAULT_TDP_PER_LOGICAL_CPU_W * host.logical_cpus
        stated_idle, stated_w = settings.cpu_idle_fraction, settings.ram_w_per_gib
        self._idle_fraction = IDLE_FRACTION if stated_idle is None else stated_idle
        self._ram_w = (stated_w or RAM_W_PER_GIB) * host.ram_bytes / 2**30
        estimates = {
            Component.CPU: (self._cpu_channel(), self._cpu_j),
            Component.RAM: (self._ram_channel(), self._ram_j),
        }
        self._estimates = [estimates[c] for c in estimates if c in components]
        self.channels: tuple[Channel, ...] = tuple(channel for channel, _ in self._estimates)
        self._begun_awake_ns = self._clock.anchor().awake_ns
        self._begun_busy_s = host.busy_s()
        self._busy_s = 0.0

    def read(self) -> list[Reading]:
        """One reading of every channel."""
        readings = []
        before_ns = self._clock.now_ns()
        for channel, passed_j in self._estimates:
            count_uj = int(passed_j() * 1e6)
            after_ns = self._clock.now_ns()
            readings.append(Reading(channel.name, before_ns, after_ns, count_uj))
            before_ns = after_ns
        return readings

    def close(self) -> None:
        """Nothing is held open."""

    def _awake_s(self) -> float:
        """Time awake since the probe began: a suspended machine draws next to nothing."""
        return (self._clock.anchor().awake_ns - self._begun_awake_ns) * 1e-9

    def _cpu_j(self) -> float:
        # Kernels let the busy time step back at times: the highest seen stands.
        self._busy_s = max(self._busy_s, self._host.busy_s() - self._begun_busy_s)
        idle_w = self._idle_fraction * self._tdp_w
        busy_w = (self._tdp_w - idle_w) / self._host.logical_cpus
        return idle_w * self._awake_s() + busy_w * self._busy_s

    def _ram_j(self) -> float:
        return self._ram_w * self._awake_s()

    def _cpu_channel(self) -> Channel:
        stated = self._settings.origins.get("cpu_tdp_w")
        origin = f"from {stated}" if stated else "assumed, 5 W per logical processor"
        return Channel(
            name="cpu-estimate",
            component=Component.CPU,
            kind=Kind.COUNTER,
            provenance=Provenance.ESTIMATED,
            source="psutil.cpu_times",
            refresh_s=CPU_REFRESH_S,
            device=f"{self._host.logical_cpus} logical processors",
            scope=f"utilisation of a design power of {self._tdp_w:g} W ({origin})",
            unit_j=1e-6,
            resolution=1e-6,
            estimate_factor=self._settings.cpu_factor or CPU_ESTIMATE_FACTOR,
            max_power_w=self._tdp_w * LIMIT_HEADROOM,
        )

    def _ram_channel(self) -> Channel:
        stated = self._settings.origins.get("ram_w_per_gib")
        origin = f" (from {stated})" if stated else ""
        return Channel(
            name="ram-estimate",
            component=Component.RAM,
            kind=Kind.COUNTER,
            provenance=Provenance.ESTIMATED,
            source="psutil.virtual_memory",
            refresh_s=RAM_REFRESH_S,
            device=f"{self._host.ram_bytes / 2**30:.3g} GiB",
            scope=f"{self._ram_w:.3g} W by size{origin}, whatever is done with it",
            unit_j=1e-6,
            resolution=1e-6,
            estimate_factor=self._settings.ram_factor or RAM_ESTIMATE_FACTOR,
            max_power_w=self._ram_w * LIMIT_HEADROOM,
        )


def find(
    components: Collection[Component],
    reserve: Collection[Component],
    environ: Mapping[str, str],
    clock: Clock,
) -> Discovery:
    """Estimators for the components named, but for those about which a wrong thing is stated.

    Those in ``reserve`` have sensors; a wrong setting refuses nothing that matters there.
    """
    settings, errors = read_settings(environ)
    refusals = [r for error in errors for r in _refusals(error, components)]
    stated_wrong = [r for error in errors for r in _refusals(error, (*components, *reserve))]
    refused = {refusal.component for refusal in stated_wrong}
    host = host_figures()
    probes = []
    for wanted, period_s in ((components, PERIOD_S), (reserve, RESERVE_PERIOD_S)):
        estimated = [component for component in wanted if component not in refused]
        if estimated:
            probes.append(EstimateProbe(estimated, host, clock, settings, period_s))
    return Discovery(tuple(probes), tuple(refusals))


def _refusals(error: SettingError, components: Collection[Component]) -> list[Refusal]:
    return [
        Refusal(error.origin, component, str(error), error.remedy)
        for component in components
        if error.component in (None, component)
    ]


def host_figures() -> HostFigures:
    """This machine's figures, by psutil."""
    import psutil

    def busy_s() -> float:
        times = psutil.cpu_times()
        return float(sum(getattr(times, name, 0.0) for name in _BUSY_TIMES))

    return HostFigures(busy_s, psutil.cpu_count(logical=True) or 1, psutil.virtual_memory().total)
