"""When files were last written, asked in a thread of its own.

The paths are those that other programs named: one on a network file system that hangs must not
hold up this program.
"""

import os
import threading
from collections.abc import Callable, Iterable

TIMEOUT_S = 0.05
Stat = Callable[[str], os.stat_result]


class LastWrites:
    """Looks times up in one thread at most; ``stat`` answers for a path, as ``os.stat`` does."""

    def __init__(self, stat: Stat = os.stat) -> None:
        self._stat = stat
        self._thread: threading.Thread | None = None

    def look_up(self, paths: Iterable[str], timeout_s: float = TIMEOUT_S) -> dict[str, int | None]:
        """The wall clock (ns) of the last write to each file that answered in time.

        None: there is no such file. Without an answer a path is missing; while an earlier one
        still hangs, all are.
        """
        wanted = dict.fromkeys(paths)
        if not wanted or (self._thread is not None and self._thread.is_alive()):
            return {}
        found: dict[str, int | None] = {}
        self._thread = threading.Thread(
            target=self._ask, args=(tuple(wanted), found), name="effmeter files", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # no more threads can be had, or the interpreter ends
            self._thread = None
            return {}
        self._thread.join(timeout_s)
        return found.copy()

    def _ask(self, paths: Iterable[str], found: dict[str, int | None]) -> None:
        for path in paths:
            try:
                found[path] = self._stat(path).st_mtime_ns
            except (OSError, ValueError):
                found[path] = None

    def forget(self) -> None:
        """A forked child has no thread that hangs."""
        self._thread = None


LAST_WRITES = LastWrites()
"""Of this process."""

os.register_at_fork(after_in_child=LAST_WRITES.forget)
