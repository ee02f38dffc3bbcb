"""Closing what clients hand over, in threads: a close may wait.

A socket with a linger time waits for its peer, a file of a network file system or of FUSE for its
server: for as long as a client likes. The last close of a client's connection closes the
descriptors that wait in it, so connections are closed here too.
"""

import contextlib
import os
import socket
import stat
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable

MOST_WAITING = 16
"""A user with more descriptors that do not close is not served until they have."""
IDLE_S = 1.0
_NO_LINGER = struct.pack("ii", 0, 0)


class Disposal:
    """Closes descriptors in a thread for each user; it ends when it has had none for a while."""

    def __init__(self, idle_s: float = IDLE_S, close: Callable[[int], None] | None = None) -> None:
        self._close = close or close_at_once
        self._idle_s = idle_s
        self._changed = threading.Condition()
        self._waiting: dict[int, deque[int]] = {}
        """By user, of each that has a thread; the first one is being closed."""

    def discard(self, uid: int, descriptors: Iterable[int]) -> None:
        """Close the descriptors that a user's program handed over; does not wait."""
        given = deque(descriptors)
        if not given:
            return
        with self._changed:
            queue = self._waiting.get(uid)
            if queue is not None:
                queue.extend(given)
                self._changed.notify_all()
                return
            self._waiting[uid] = given
        threading.Thread(target=self._run, args=(uid, given), name="close", daemon=True).start()

    def is_clogged(self, uid: int) -> bool:
        """Whether a user's descriptors do not close."""
        return len(self._waiting.get(uid, ())) > MOST_WAITING

    def _run(self, uid: int, queue: deque[int]) -> None:
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: queue, self._idle_s):
                    del self._waiting[uid]
                    return
                descriptor = queue[0]
            self._close(descriptor)
            with self._changed:
                queue.popleft()


def close_at_once(descriptor: int) -> None:
    """Close a descriptor, without the linger time where it is a socket."""
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            with socket.socket(fileno=os.dup(descriptor)) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    with contextlib.suppress(OSError):
        os.close(descriptor)
