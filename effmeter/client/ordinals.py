"""The numbers of the runs of a rank: the second ``train`` of one rank is that of the others.

Runs are counted by name: ranks need not begin the same runs. One may evaluate before it trains.
"""

import os
import threading
from collections.abc import Iterable

from effmeter.client.journal_entry import MAX_NAME, JournalEntry
from effmeter.client.launch_detection import Launch


class Ordinals:
    """Counts the runs of this process by launch, name and the run inside which they begin."""

    def __init__(self) -> None:
        # A signal handler may begin a run while the code that it interrupted does.
        self._lock = threading.RLock()
        self._next: dict[tuple[str, str | None, str], int] = {}

    def take(
        self, launch: Launch, parent: str | None, name: str, entries: Iterable[JournalEntry]
    ) -> int:
        """The ordinal of the next run of a name, from 0.

        The journal has the runs of earlier programs of the same rank: a script may start several
        in turn. They count only where launches that look alike are told apart.
        """
        name = name[:MAX_NAME]  # as the journal has it
        key = (launch.local_key, parent, name)
        with self._lock:
            if key not in self._next:
                is_distinct = bool(launch.agent or parent)
                earlier = (
                    entry
                    for entry in entries
                    if (entry.launch, entry.parent_run_id, entry.name) == key
                    and entry.rank == launch.rank
                )
                self._next[key] = len(list(earlier)) if is_distinct else 0
            ordinal = self._next[key]
            self._next[key] += 1
        return ordinal

    def forget(self) -> None:
        """Begin to count anew: in a forked child, which is another program."""
        self._lock = threading.RLock()  # another thread may hold the parent's
        self._next.clear()


ORDINALS = Ordinals()
"""Of this process."""

os.register_at_fork(after_in_child=ORDINALS.forget)
