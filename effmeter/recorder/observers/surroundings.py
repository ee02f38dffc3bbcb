"""What surrounds the recordings: other users of the machine, its memory and conditions."""

from collections.abc import Iterable

from effmeter.clock import Clock
from effmeter.probes.base import ConditionedDevices, Probe
from effmeter.recorder.observers import conditions, machine, memory
from effmeter.recorder.observers.contention import MachineSnapshot
from effmeter.recorder.observers.memory import MemorySnapshot
from effmeter.recorder.observers.observer import PeriodicObserver


class SurroundingsObserver:
    """Observes the machine, its memory and its conditions, each in a thread of its own."""

    def __init__(
        self,
        probes: Iterable[Probe],
        clock: Clock,
        sources_beside: Iterable[ConditionedDevices] = (),
    ) -> None:
        self._probes = list(probes)
        sources = machine.MachineSources(machine.device_users(self._probes))
        users = machine.MachineObserver(sources, clock)
        used = memory.MemoryObserver(lambda: self._roots, memory.device_memory(self._probes), clock)
        self._roots: set[int] = set()
        self._machine = PeriodicObserver("observe-machine", users.observe, machine.CADENCE)
        self._memory = PeriodicObserver("observe-memory", used.observe, memory.CADENCE)
        self._sources: list[object] = [*sources_beside, *self._probes]
        around = conditions.ConditionsObserver(conditions.device_conditions(self._sources), clock)
        self._conditions = PeriodicObserver(
            "observe-conditions", around.observe, conditions.CADENCE
        )

    def start(self) -> None:
        """Start the threads, at rest."""
        self._machine.start()
        self._memory.start()
        self._conditions.start()

    def stop(self) -> None:
        """End the threads."""
        self._machine.stop()
        self._memory.stop()
        self._conditions.stop()

    def take_in(self, probes: Iterable[Probe]) -> None:
        """Look at these probes too, as far as they are new."""
        # Appended, never replaced: the threads read the lists meanwhile.
        new = [probe for probe in probes if probe not in self._probes]
        self._probes.extend(new)
        self._sources.extend(new)

    def observe_soon(self, roots: set[int]) -> None:
        """Observe shortly, and from then on: these programs are recorded."""
        # Replaced, never changed: the memory thread reads the set meanwhile.
        self._roots = roots
        self._machine.observe_soon()
        self._memory.observe_soon()
        self._conditions.observe_soon()

    def rest(self) -> None:
        """Nothing is recorded any more."""
        self._machine.rest()
        self._memory.rest()
        self._conditions.rest()

    def drain_machine(self) -> list[MachineSnapshot]:
        """The snapshots of the machine since the last call, oldest first."""
        return self._machine.drain()

    def drain_conditions(self) -> list[conditions.ConditionsSnapshot]:
        """The snapshots of the conditions since the last call, oldest first."""
        return self._conditions.drain()

    def drain_memory(self) -> list[MemorySnapshot]:
        """The snapshots of the memory since the last call, oldest first."""
        return self._memory.drain()
