"""The parts that the sessions of this process take in recordings."""

import os
import threading


class Participation:
    """Which sessions are in which recording: the last one to leave may end it."""

    def __init__(self) -> None:
        # A signal handler may end a run while the code that it interrupted does.
        self._lock = threading.RLock()
        self._sessions: dict[str, set[object]] = {}
        self._begun: set[str] = set()
        """The recordings that this process began."""

    def enter(self, recording: str, session: object, *, began: bool) -> None:
        """Take part in a recording, which the session began or joined."""
        with self._lock:
            self._sessions.setdefault(recording, set()).add(session)
            if began:
                self._begun.add(recording)

    def leave(self, recording: str, session: object) -> bool:
        """Leave; whether this process began the recording and no other session is in it.

        A second time it is False.
        """
        with self._lock:
            sessions = self._sessions.get(recording, set())
            if session not in sessions:
                return False
            sessions.remove(session)
            if sessions:
                return False
            del self._sessions[recording]
            is_last = recording in self._begun
            self._begun.discard(recording)
            return is_last

    def sessions(self, recording: str) -> tuple[object, ...]:
        """The sessions that are in a recording."""
        with self._lock:
            return tuple(self._sessions.get(recording, ()))

    def forget(self) -> None:
        """Take part in nothing: in a forked child."""
        self._lock = threading.RLock()  # another thread may hold the parent's
        self._sessions.clear()
        self._begun.clear()


PARTICIPATION = Participation()
"""Of this process: runs may overlap and nest, in threads too."""

os.register_at_fork(after_in_child=PARTICIPATION.forget)
