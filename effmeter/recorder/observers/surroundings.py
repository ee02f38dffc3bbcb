"""What surrounds the recordings: the machine's other users and work, its memory, conditions."""

from collections.abc import Callable, Iterable

from effmeter.clock import Clock
from effmeter.probes.base import ConditionedDevices, Probe
from effmeter.recorder.observers import conditions, machine, memory, work
from effmeter.recorder.observers.contention import MachineSnapshot
from effmeter.recorder.observers.memory import MemorySnapshot
from effmeter.recorder.observers.observer import PeriodicObserver
from effmeter.recorder.observers.work import WorkSnapshot


class SurroundingsObserver:
    """Observes the machine, its work, memory and conditions, each in a thread of its own.

    ``on_work`` is called in such a thread when a look at the work has been taken.
    """

    def __init__(
        self,
        probes: Iterable[Probe],
        clock: Clock,
        sources_beside: Iterable[ConditionedDevices] = (),
        on_work: Callable[[], None] = lambda: None,
    ) -> None:
        self._probes = list(probes)
        sources = machine.MachineSources(machine.device_users(self._probes))
        users = machine.MachineObserver(sources, clock)
        used = memory.MemoryObserver(lambda: self._roots, memory.device_memory(self._probes), clock)
        self._roots: set[int] = set()
        self._machine = PeriodicObserver("observe-machine", users.observe, machine.CADENCE)
        self._memory = PeriodicObserver("observe-memory", used.observe, memory.CADENCE)
        worked = work.WorkObserver(lambda: self._roots, work.device_use(self._probes), clock)
        self._work = PeriodicObserver("observe-work", worked.observe, work.CADENCE, on_work)
        self._sources: list[object] = [*sources_beside, *self._probes]
        around = conditions.ConditionsObserver(conditions.device_conditions(self._sources), clock)
        self._conditions = PeriodicObserver(
            "observe-conditions", around.observe, conditions.CADENCE
        )

    def start(self) -> None:
        """Start the threads, at rest."""
        self._machine.start()
        self._memory.start()
        self._work.start()
        self._conditions.start()

    def stop(self) -> None:
        """End the threads."""
        self._machine.stop()
        self._memory.stop()
        self._work.stop()
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
        self._work.observe_soon()
        self._conditions.observe_soon()

    def observe_work(self) -> None:
        """Look at the work now: at a boundary of a run."""
        self._work.observe_now()

    @property
    def is_quiet(self) -> bool:
        """Whether every look that ``observe_work`` asked for has been taken."""
        return self._work.is_quiet

    def rest(self) -> None:
        """Nothing is recorded any more."""
        self._machine.rest()
        self._memory.rest()
        self._work.rest()
        self._conditions.rest()

    def drain_machine(self) -> list[MachineSnapshot]:
        """The snapshots of the machine since the last call, oldest first."""
        return self._machine.drain()

    def drain_work(self) -> list[WorkSnapshot]:
        """The looks at the work since the last call, oldest first."""
        return self._work.drain()

    def drain_conditions(self) -> list[conditions.ConditionsSnapshot]:
        """The snapshots of the conditions since the last call, oldest first."""
        return self._conditions.drain()

    def drain_memory(self) -> list[MemorySnapshot]:
        """The snapshots of the memory since the last call, oldest first."""
        return self._memory.drain()
