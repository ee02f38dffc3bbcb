"""A thread that looks around every few seconds for who else uses the machine.

It has a thread of its own because a driver that hangs must delay nothing else. To cost about
``LOAD_FRACTION`` of a processor, it looks more rarely on a machine with very many processes.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from effmeter.clock import Clock
from effmeter.probes.base import Failure, Probe, SharedDevices
from effmeter.recorder.contention import NOTICED_CPUS, Snapshot
from effmeter.recorder.processes import Process, busy_s, list_processes, sees_all_processes

PERIOD_S = 5.0
SETTLE_S = 1.0
"""How long after a program has joined: the ranks of a launch join one after the other."""
LONGEST_PERIOD_S = 20.0
LOAD_FRACTION = 0.001


@dataclass(frozen=True, slots=True)
class Machine:
    """What the operating system and the drivers tell."""

    users: Callable[[], Mapping[str, tuple[int, ...] | Failure]]
    processes: Callable[[], Mapping[int, Process]] = list_processes
    busy_s: Callable[[], float] = busy_s
    sees_all: bool = field(default_factory=sees_all_processes)


class Watch:
    """Takes snapshots while something is recorded; they wait in a bounded queue."""

    def __init__(self, machine: Machine, clock: Clock) -> None:
        self._machine = machine
        self._clock = clock
        self._snapshots: deque[Snapshot] = deque(maxlen=100)
        self._changed = threading.Condition()
        self._wait_s: float | None = None
        self._is_set_anew = False
        self._must_list = True
        self._stopping = False
        self._last: Snapshot | None = None
        self._thread = threading.Thread(target=self._run, name="watch-surroundings", daemon=True)

    def start(self) -> None:
        """Begin, at rest."""
        self._thread.start()

    def look_soon(self) -> None:
        """Look around in a moment and from then on: somebody has joined."""
        self._set_wait(SETTLE_S)

    def rest(self) -> None:
        """Nothing is recorded any more."""
        self._set_wait(None)

    def stop(self) -> None:
        """End the thread; a hung driver is left behind."""
        self._stopping = True
        self._set_wait(None)
        self._thread.join(timeout=0.5)

    def take(self) -> list[Snapshot]:
        """The snapshots since the last call, oldest first."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._snapshots.popleft())
        return taken

    def look(self) -> Snapshot:
        """One snapshot; the processes are listed only if they can matter."""
        users = dict(self._machine.users())
        now_ns, worked_s = self._clock.now_ns(), self._machine.busy_s()
        listed = self._machine.processes() if self._matters(now_ns, worked_s, users) else None
        self._must_list = False
        self._last = Snapshot(now_ns, worked_s, users, listed, self._machine.sees_all)
        return self._last

    def _matters(
        self, now_ns: int, worked_s: float, users: Mapping[str, tuple[int, ...] | Failure]
    ) -> bool:
        last = self._last
        if last is None or self._must_list or users != last.users:
            return True
        return worked_s - last.busy_s >= NOTICED_CPUS * (now_ns - last.time_ns) * 1e-9

    def _set_wait(self, wait_s: float | None) -> None:
        with self._changed:
            self._wait_s = wait_s
            self._is_set_anew = self._must_list = True
            self._changed.notify()

    def _run(self) -> None:
        while not self._stopping:
            with self._changed:
                self._is_set_anew = False
                if self._changed.wait(self._wait_s):
                    continue
            worked_before_s = time.thread_time()
            # Who else is there never costs the recording itself, whatever the system answers.
            with contextlib.suppress(Exception):
                self._snapshots.append(self.look())
            cost_s = time.thread_time() - worked_before_s
            with self._changed:
                if not self._is_set_anew:
                    self._wait_s = min(max(PERIOD_S, cost_s / LOAD_FRACTION), LONGEST_PERIOD_S)


def devices_of(probes: Iterable[Probe]) -> Callable[[], Mapping[str, tuple[int, ...] | Failure]]:
    """Asks every probe whose devices tell who uses them."""
    telling = [probe for probe in probes if isinstance(probe, SharedDevices)]

    def users() -> dict[str, tuple[int, ...] | Failure]:
        return {name: used for probe in telling for name, used in probe.users().items()}

    return users
