"""Finds sensors that appear while the recorder runs: a driver that is loaded after the daemon.

The search runs in a thread, since a driver may hang. It is repeated at a low rate, and when a
recording is about to begin.
"""

import threading
import traceback
from collections.abc import Callable

from effmeter.clock import Clock
from effmeter.probes.base import Discovery

PERIOD_S = 60.0
RECENT_NS = 500_000_000
"""A search that ended this short a time ago is not repeated for a recording."""
PATIENCE_NS = 1_000_000_000
"""The longest that a recording waits for a search, from the search's beginning."""
SearchAgain = Callable[[], Discovery | None]
"""What is there now; None where nothing has changed."""


class Rediscovery:
    """Searches in a thread; ``wake`` ends the wait of the loop when a search has ended."""

    def __init__(
        self,
        search: SearchAgain,
        clock: Clock,
        wake: Callable[[], None],
        period_s: float = PERIOD_S,
    ) -> None:
        self._search = search
        self._clock = clock
        self._wake = wake
        self._period_s = period_s
        self._changed = threading.Condition()
        self._is_wanted = False
        self._stopping = False
        self._since_ns: int | None = None
        """When the search that is wanted or under way was first wanted."""
        self._ended_ns = clock.now_ns()
        self._found: Discovery | None = None
        self._thread = threading.Thread(target=self._run, name="search-sensors", daemon=True)

    def start(self) -> None:
        """Begin; the first search comes after a period."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a hung driver is left behind."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout=0.5)

    def request(self) -> None:
        """Search now, unless that has just been done."""
        now_ns = self._clock.now_ns()
        with self._changed:
            if self._since_ns is None and now_ns - self._ended_ns >= RECENT_NS:
                self._since_ns = now_ns
                self._is_wanted = True
                self._changed.notify()

    def is_awaited(self, now_ns: int) -> bool:
        """Whether a recording should wait for the search that is under way."""
        since_ns = self._since_ns
        return since_ns is not None and now_ns - since_ns < PATIENCE_NS

    def pop(self) -> Discovery | None:
        """What a search has found since the last call; None where nothing has changed."""
        with self._changed:
            found, self._found = self._found, None
        return found

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._is_wanted and not self._stopping:
                    self._changed.wait(self._period_s)
                if self._stopping:
                    return
                self._is_wanted = False
                self._since_ns = self._since_ns or self._clock.now_ns()
            self._search_once()

    def _search_once(self) -> None:
        found = None
        try:
            found = self._search()
        except Exception:  # the sensors that are known go on
            traceback.print_exc()
        with self._changed:
            self._found = found or self._found
            self._since_ns = None
            self._ended_ns = self._clock.now_ns()
        self._wake()
