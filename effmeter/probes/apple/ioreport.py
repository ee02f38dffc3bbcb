"""Apple silicon by IOReport, without root, through the package ``zeus-apple-silicon``.

Counters of Apple's model of the chip's energy, in millijoules. Those of the processors, the
memory and the neural engine are published in batches, at uneven times up to two seconds apart
(seen on M1 Ultra and newer): a count that has not moved is not yet a processor that used nothing.

========= ========= ======= ==== ======= ============================= ==========
name      component kind    unit refresh scope                         provenance
========= ========= ======= ==== ======= ============================= ==========
cpu0      cpu       counter mJ   2.2 s   all processor clusters        derived
gpu0      gpu       counter mJ   0.1 s   the chip's GPU                derived
dram0     ram       counter mJ   2.2 s   the memory beside the chip    derived
ane0      soc       counter mJ   2.2 s   the chip's neural engine      derived
gpu0-sram gpu       counter mJ   2.2 s   contained in gpu0             derived
========= ========= ======= ==== ======= ============================= ==========

Where ``powermetrics`` already gives a channel of that name, the one here becomes
``NAME-ioreport``, contained in it: a second look, never a second joule.

Sources: zeus-apple-silicon, ``apple_energy.hpp``; all-smi, "verify IOReport energy channels and
cadence" for the batches.
"""

import importlib.util
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Protocol

from effmeter.channel import Channel, Component, Kind, Provenance, Refusal
from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Discovery, Failure, Reading

PACKAGE = "zeus_apple_silicon"
BATCH_REFRESH_S = 2.2
GPU_REFRESH_S = 0.1
STILL_AFTER_S = 5.0
"""Processors and memory that are awake draw some power: a count that stands still for longer
is one that the system no longer publishes, as macOS 27 was seen to do after sleep."""
CALL_COST_S = 0.004
"""What one snapshot of all channels costs (seen on an M1 Ultra, which has 321)."""


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One field of a snapshot, and the channel that it becomes."""

    field: str
    name: str
    component: Component
    refresh_s: float
    scope: str
    contained_in: str | None = None
    moves_while_awake: bool = False


_QUANTITIES = (
    _Quantity(
        "cpu_total_mj",
        "cpu0",
        Component.CPU,
        BATCH_REFRESH_S,
        "all processor clusters, without memory",
        moves_while_awake=True,
    ),
    _Quantity("gpu_mj", "gpu0", Component.GPU, GPU_REFRESH_S, "the GPU of the chip"),
    _Quantity(
        "dram_mj",
        "dram0",
        Component.RAM,
        BATCH_REFRESH_S,
        "the memory beside the chip",
        moves_while_awake=True,
    ),
    _Quantity(
        "ane_mj", "ane0", Component.SOC, BATCH_REFRESH_S, "the neural engine of the chip alone"
    ),
    _Quantity(
        "gpu_sram_mj",
        "gpu0-sram",
        Component.GPU,
        BATCH_REFRESH_S,
        "the memory inside the GPU; whether the GPU's figure has it is not documented",
        contained_in="gpu0",
    ),
)
_REQUIRED = (Component.CPU, Component.GPU)


class EnergyMonitor(Protocol):
    """What is used of ``zeus_apple_silicon.AppleEnergyMonitor``."""

    def get_cumulative_energy(self) -> Any:
        """A snapshot whose fields are whole millijoules, or None where there is no such figure."""


class IoreportProbe:
    """Reads the counters that ``monitor`` shows; names in ``taken`` are another probe's."""

    name = "ioreport"
    period_s = 0.5

    def __init__(
        self, monitor: EnergyMonitor, clock: Clock | None = None, taken: Collection[str] = ()
    ) -> None:
        self._monitor = monitor
        self._clock = clock or SystemClock()
        snapshot = monitor.get_cumulative_energy()
        self._quantities = [q for q in _QUANTITIES if _count(snapshot, q) is not None]
        self.channels = tuple(_channel(quantity, taken) for quantity in self._quantities)
        awake_ns = self._clock.anchor().awake_ns
        self._moved = {q.field: (_count(snapshot, q), awake_ns) for q in self._quantities}

    def read(self) -> list[Reading]:
        """One reading of every channel, all of one snapshot."""
        before_ns = self._clock.now_ns()
        snapshot = self._monitor.get_cumulative_energy()
        after_ns = self._clock.now_ns()
        awake_ns = self._clock.anchor().awake_ns
        return [
            Reading(channel.name, before_ns, after_ns, self._value(quantity, snapshot, awake_ns))
            for channel, quantity in zip(self.channels, self._quantities, strict=True)
        ]

    def close(self) -> None:
        """Nothing is held open beyond the monitor itself."""

    def _value(self, quantity: _Quantity, snapshot: Any, awake_ns: int) -> int | Failure:
        count = _count(snapshot, quantity)
        if count is None:
            return Failure(f"IOReport shows no {quantity.field} now")
        shown, since_ns = self._moved[quantity.field]
        if count != shown:
            self._moved[quantity.field] = (count, awake_ns)
        elif quantity.moves_while_awake and (awake_ns - since_ns) * 1e-9 > STILL_AFTER_S:
            return Failure(f"{quantity.field} of IOReport stands still: it is no longer published")
        return count


def find(clock: Clock, taken: Collection[str] = ()) -> Discovery:
    """The chip's counters where the package is installed; how to install it on a Mac without."""
    if importlib.util.find_spec(PACKAGE) is None:
        remedy = "python3 -m pip install 'effmeter[apple]'  # on Apple silicon"
        missing = _refused(f"the package {PACKAGE} is not installed", remedy)
        return missing if sys.platform == "darwin" else Discovery()
    try:
        import zeus_apple_silicon

        probe = IoreportProbe(zeus_apple_silicon.AppleEnergyMonitor(), clock, taken)
    except (ImportError, RuntimeError) as error:
        return _refused(f"{PACKAGE} gives no figures: {error}", "")
    shown = {channel.component for channel in probe.channels}
    refusals = tuple(
        Refusal("IOReport", component, f"this chip shows no {component} energy")
        for component in _REQUIRED
        if component not in shown
    )
    return Discovery((probe,) if probe.channels else (), refusals)


def _refused(reason: str, remedy: str) -> Discovery:
    return Discovery((), tuple(Refusal("IOReport", c, reason, remedy) for c in _REQUIRED))


def _count(snapshot: Any, quantity: _Quantity) -> int | None:
    """The field's millijoules; None where the chip, or this version, has no such field."""
    value = getattr(snapshot, quantity.field, None)
    return None if value is None or value < 0 else int(value)


def _channel(quantity: _Quantity, taken: Collection[str]) -> Channel:
    channel = Channel(
        name=quantity.name,
        component=quantity.component,
        kind=Kind.COUNTER,
        provenance=Provenance.DERIVED,
        source="IOReport, group Energy Model",
        refresh_s=quantity.refresh_s,
        scope=f"{quantity.scope}; by Apple's model of the chip's energy",
        contained_in=quantity.contained_in,
        unit_j=1e-3,
        resolution=1e-3,
        call_cost_s=CALL_COST_S,
    )
    if quantity.name not in taken:
        return channel
    return replace(channel, name=f"{quantity.name}-ioreport", contained_in=quantity.name)
