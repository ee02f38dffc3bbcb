"""The private recorders that this process started, for all of its runs.

Runs that overlap, in threads or tasks, share one: the hardware is sampled once. It ends with the
last of their recordings.
"""

import os
import threading
from collections.abc import Callable
from typing import NamedTuple

from effmeter.client.connection import Connection
from effmeter.client.launch import PrivateRecorder
from effmeter.errors import RecorderError


class Reached(NamedTuple):
    """A recorder and a new connection to it, not greeted yet."""

    recorder: PrivateRecorder
    connection: Connection
    is_new: bool
    """Whether it was started for this connection."""


class OwnRecorders:
    """The private recorders of a process, with the number of its runs on each.

    Whoever reaches or enters one must leave it.
    """

    def __init__(self) -> None:
        # A signal handler may begin a run while the code that it interrupted does.
        self._lock = threading.RLock()
        self._users: dict[PrivateRecorder, int] = {}

    def reach_any(self, launch: Callable[[], PrivateRecorder]) -> Reached:
        """One that another run is on, else a new one. RecorderError where it cannot start.

        Threads that begin together wait here for the first of them to start it.
        """
        with self._lock:
            for recorder in tuple(self._users):
                reached = self._reach(recorder)
                if reached is not None:
                    return reached
            return self.start(launch)

    def start(self, launch: Callable[[], PrivateRecorder]) -> Reached:
        """A new one. RecorderError where it cannot start."""
        with self._lock:
            recorder = launch()
            self._users[recorder] = 1
            return Reached(recorder, recorder.connection, is_new=True)

    def reach_successor(
        self, dead: PrivateRecorder, launch: Callable[[], PrivateRecorder]
    ) -> Reached:
        """The one that took the place of a dead one, started here unless another run has."""
        with self._lock:
            self._users.pop(dead, None)
            for recorder in tuple(self._users):
                reached = self._reach(recorder) if recorder.directory == dead.directory else None
                if reached is not None:
                    return reached
            return self.start(launch)

    def enter(self, socket_path: str) -> PrivateRecorder | None:
        """The one that listens there, for a run that joins another; None: it is not ours."""
        with self._lock:
            for recorder in self._users:
                if os.fspath(recorder.socket_path) == socket_path:
                    self._users[recorder] += 1
                    return recorder
        return None

    def leave(self, recorder: PrivateRecorder) -> None:
        """A run is no longer on it; after the last it ends."""
        with self._lock:
            if recorder in self._users:
                self._users[recorder] -= 1
                if not self._users[recorder]:
                    del self._users[recorder]

    def forget(self) -> None:
        """They are another process's: in a forked child."""
        self._lock = threading.RLock()  # another thread may hold the parent's
        self._users.clear()

    def _reach(self, recorder: PrivateRecorder) -> Reached | None:
        try:
            connection = recorder.connect()
        except RecorderError:
            del self._users[recorder]
            return None
        self._users[recorder] += 1
        return Reached(recorder, connection, is_new=False)


OWN_RECORDERS = OwnRecorders()
"""Of this process."""

os.register_at_fork(after_in_child=OWN_RECORDERS.forget)
