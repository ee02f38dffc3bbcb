"""Observes the users of the machine: the processes on its GPUs and its processors."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from effmeter.clock import Clock
from effmeter.probes.base import Failure, Probe, SharedDevices
from effmeter.recorder.observers.contention import NOTICED_CPUS, MachineSnapshot
from effmeter.recorder.observers.observer import Cadence
from effmeter.recorder.observers.processes import (
    Process,
    busy_s,
    list_processes,
    sees_all_processes,
)

CADENCE = Cadence(settle_s=1.0, period_s=5.0, longest_s=20.0, load_fraction=0.0004)


@dataclass(frozen=True, slots=True)
class MachineSources:
    """The answers of the operating system and the drivers."""

    users: Callable[[], Mapping[str, tuple[int, ...] | Failure]]
    processes: Callable[[], Mapping[int, Process]] = list_processes
    busy_s: Callable[[], float] = busy_s
    sees_all: bool = field(default_factory=sees_all_processes)


class MachineObserver:
    """Takes snapshots; lists the processes only where they can matter, since that is expensive."""

    def __init__(self, machine: MachineSources, clock: Clock) -> None:
        self._machine = machine
        self._clock = clock
        self._last: MachineSnapshot | None = None

    def observe(self, has_joined: bool) -> MachineSnapshot:
        """One snapshot; the processes matter whenever a program has joined a recording."""
        users = dict(self._machine.users())
        now_ns, worked_s = self._clock.now_ns(), self._machine.busy_s()
        matters = has_joined or self._matters(now_ns, worked_s, users)
        listed = self._machine.processes() if matters else None
        self._last = MachineSnapshot(now_ns, worked_s, users, listed, self._machine.sees_all)
        return self._last

    def _matters(
        self, now_ns: int, worked_s: float, users: Mapping[str, tuple[int, ...] | Failure]
    ) -> bool:
        last = self._last
        if last is None or users != last.users:
            return True
        return worked_s - last.busy_s >= NOTICED_CPUS * (now_ns - last.time_ns) * 1e-9


def device_users(probes: Iterable[Probe]) -> Callable[[], Mapping[str, tuple[int, ...] | Failure]]:
    """The users of the devices of all probes that know them, looked up at each call."""

    def users() -> dict[str, tuple[int, ...] | Failure]:
        return {
            name: used
            for probe in probes
            if isinstance(probe, SharedDevices)
            for name, used in probe.users().items()
        }

    return users
