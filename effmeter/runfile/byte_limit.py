"""How much memory the rows may take that wait for a disk."""

import threading


class ByteLimit:
    """Counts bytes that wait, up to a limit, and up to that of a wider group."""

    def __init__(self, most_bytes: int, wider: "ByteLimit | None" = None) -> None:
        self._most_bytes = most_bytes
        self._wider = wider
        self._lock = threading.Lock()
        self._taken_bytes = 0

    def take(self, count: int) -> bool:
        """Count bytes that begin to wait; False, and nothing is counted, where they are too many.

        Something may always wait where nothing does: one batch is never too much.
        """
        with self._lock:
            if self._taken_bytes and self._taken_bytes + count > self._most_bytes:
                return False
            if self._wider is not None and not self._wider.take(count):
                return False
            self._taken_bytes += count
            return True

    def give_back(self, count: int) -> None:
        """Bytes have been written or dropped."""
        with self._lock:
            self._taken_bytes -= count
        if self._wider is not None:
            self._wider.give_back(count)
