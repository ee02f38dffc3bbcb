"""Estimates for processors and memory that no sensor covers, from what the system reports.

These are estimates and say so: the true energy lies within the figure divided and multiplied by
``estimate_factor``. A GPU without a sensor is unknown, never estimated.

**Processor**: an idle share of its thermal design power while the machine is awake, and the rest
in proportion to the time its logical processors were busy. The design power, of all sockets
together, is taken from ``EFFMETER_CPU_TDP_W``; without it, 5 W per logical processor, which lies
amid those of laptops (about 2 W), desktops (about 5 W) and servers of few fast cores (about 10 W).

**Memory**: 3 W per 8 GiB, the figure that memory vendors give and CodeCarbon uses.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import LIMIT_HEADROOM, Discovery, Reading
from effmeter.schema import Channel, Component, Kind, Provenance, Refusal

TDP_VARIABLE = "EFFMETER_CPU_TDP_W"
DEFAULT_TDP_PER_LOGICAL_CPU_W = 5.0
IDLE_FRACTION = 0.2
"""The idle processor's share of its design power."""
CPU_ESTIMATE_FACTOR = 2.5
RAM_W_PER_BYTE = 3.0 / (8 * 2**30)
RAM_ESTIMATE_FACTOR = 3.0
CPU_REFRESH_S = 0.05
"""Busy time is counted in ticks of 10 ms, apart for user, system and interrupts."""
RAM_REFRESH_S = 0.001
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

    name = "estimate"
    period_s = 0.1

    def __init__(
        self,
        components: Collection[Component],
        host: HostFigures,
        clock: Clock | None = None,
        tdp_w: float | None = None,
    ) -> None:
        self._host = host
        self._clock = clock or SystemClock()
        self._tdp_w = tdp_w or DEFAULT_TDP_PER_LOGICAL_CPU_W * host.logical_cpus
        estimates = {
            Component.CPU: (self._cpu_channel(stated=tdp_w is not None), self._cpu_j),
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
        idle_w = IDLE_FRACTION * self._tdp_w
        busy_w = (self._tdp_w - idle_w) / self._host.logical_cpus
        return idle_w * self._awake_s() + busy_w * self._busy_s

    def _ram_j(self) -> float:
        return self._host.ram_bytes * RAM_W_PER_BYTE * self._awake_s()

    def _cpu_channel(self, stated: bool) -> Channel:
        origin = f"from {TDP_VARIABLE}" if stated else "assumed, 5 W per logical processor"
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
            estimate_factor=CPU_ESTIMATE_FACTOR,
            max_power_w=self._tdp_w * LIMIT_HEADROOM,
        )

    def _ram_channel(self) -> Channel:
        power_w = self._host.ram_bytes * RAM_W_PER_BYTE
        return Channel(
            name="ram-estimate",
            component=Component.RAM,
            kind=Kind.COUNTER,
            provenance=Provenance.ESTIMATED,
            source="psutil.virtual_memory",
            refresh_s=RAM_REFRESH_S,
            device=f"{self._host.ram_bytes / 2**30:.3g} GiB",
            scope=f"{power_w:.3g} W by size, whatever is done with it",
            unit_j=1e-6,
            resolution=1e-6,
            estimate_factor=RAM_ESTIMATE_FACTOR,
            max_power_w=power_w * LIMIT_HEADROOM,
        )


def find(components: Collection[Component], environ: Mapping[str, str], clock: Clock) -> Discovery:
    """An estimator for the components named; a refusal where the design power is no power."""
    host = host_figures()
    stated = environ.get(TDP_VARIABLE)
    tdp_w = None if stated is None else _watts(stated)
    if stated is not None and tdp_w is None and Component.CPU in components:
        reason = f"{TDP_VARIABLE}={stated!r} is not a power in watts above zero"
        remedy = f"export {TDP_VARIABLE}=65  # the design power of all sockets together"
        refusal = Refusal(TDP_VARIABLE, Component.CPU, reason, remedy)
        others = set(components) - {Component.CPU}
        probes = (EstimateProbe(others, host, clock),) if others else ()
        return Discovery(probes, (refusal,))
    return Discovery((EstimateProbe(components, host, clock, tdp_w),))


def host_figures() -> HostFigures:
    """This machine's figures, by psutil."""
    import psutil

    def busy_s() -> float:
        times = psutil.cpu_times()
        return float(sum(getattr(times, name, 0.0) for name in _BUSY_TIMES))

    return HostFigures(busy_s, psutil.cpu_count(logical=True) or 1, psutil.virtual_memory().total)


def _watts(text: str) -> float | None:
    try:
        power_w = float(text)
    except ValueError:
        return None
    return power_w if 0 < power_w < math.inf else None
