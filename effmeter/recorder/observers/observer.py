"""A thread that observes something periodically while anything is recorded.

It is a thread of its own because a driver that hangs must delay nothing else. Where an observation
is expensive, as on a machine with thousands of processes, the period grows.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

SnapshotT = TypeVar("SnapshotT")
BOUNDARY_LOAD_FRACTION = 0.02
"""The part of one processor that observations at boundaries may use."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often to observe, in seconds."""

    settle_s: float
    """The delay after a program joined: the ranks of a launch join one after the other."""
    period_s: float
    longest_s: float
    """The longest period, however expensive an observation is."""
    load_fraction: float
    """The part of one processor that observations may use; the period grows to keep to it."""

    def wait_s(self, cost_s: float) -> float:
        """The wait until the next observation, after one that took this much processor time."""
        return min(max(self.period_s, cost_s / self.load_fraction), self.longest_s)


class PeriodicObserver(Generic[SnapshotT]):
    """Observes while something is recorded; snapshots wait in a bounded queue.

    The argument of ``observe`` says whether an observation was asked for since the last one, as
    when a program has joined. ``on_seen`` is called in the thread after each observation.
    """

    def __init__(
        self,
        name: str,
        observe: Callable[[bool], SnapshotT],
        cadence: Cadence,
        on_seen: Callable[[], None] = lambda: None,
    ) -> None:
        self._observe = observe
        self._on_seen = on_seen
        self._cadence = cadence
        self._seen: deque[SnapshotT] = deque(maxlen=100)
        self._changed = threading.Condition()
        self._wait_s: float | None = None
        self._is_set_anew = False
        self._has_joined = True
        self._is_awaited = False
        self._allowed_s = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, at rest."""
        self._thread.start()

    def observe_soon(self) -> None:
        """Observe shortly, and periodically from then on: a program has joined."""
        self._set_wait(self._cadence.settle_s)

    def observe_now(self) -> None:
        """Observe at once, at a boundary; not where another observation was just taken.

        Boundaries may follow each other fast: their observations take a bounded part of the time.
        """
        if time.monotonic() >= self._allowed_s:
            self._set_wait(0.0, is_awaited=True)

    @property
    def is_quiet(self) -> bool:
        """Whether every observation that ``observe_now`` asked for is in the queue."""
        return not self._is_awaited

    def rest(self) -> None:
        """Nothing is recorded any more."""
        self._set_wait(None)

    def stop(self) -> None:
        """End the thread; a hung driver is left behind."""
        self._stopping = True
        self._set_wait(None)
        self._thread.join(timeout=0.5)

    def drain(self) -> list[SnapshotT]:
        """The snapshots since the last call, oldest first."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._seen.popleft())
        return taken

    def _set_wait(self, wait_s: float | None, is_awaited: bool = False) -> None:
        with self._changed:
            self._is_awaited = is_awaited
            self._wait_s = wait_s
            self._is_set_anew = self._has_joined = True
            self._changed.notify()

    def _run(self) -> None:
        while not self._stopping:
            with self._changed:
                self._is_set_anew = False
                if self._changed.wait(self._wait_s):
                    continue
                has_joined, self._has_joined = self._has_joined, False
            cost_s, has_seen = self._observe_once(has_joined)
            self._allowed_s = time.monotonic() + cost_s / BOUNDARY_LOAD_FRACTION
            with self._changed:
                self._has_joined |= has_joined and not has_seen
                if not self._is_set_anew:
                    self._is_awaited = False
                    # The first observation is more expensive than those that follow it.
                    self._wait_s = self._cadence.wait_s(0.0 if has_joined else cost_s)
            self._on_seen()

    def _observe_once(self, has_joined: bool) -> tuple[float, bool]:
        """The processor time that it took (s), and whether it succeeded."""
        worked_before_s, has_seen = time.thread_time(), False
        # A failed observation must not end the thread: contention is context, not the measurement.
        with contextlib.suppress(Exception):
            self._seen.append(self._observe(has_joined))
            has_seen = True
        return time.thread_time() - worked_before_s, has_seen
