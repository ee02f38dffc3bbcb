"""Keeps the faults that one client causes from the loop that serves all."""

import sys
import traceback
from collections.abc import Callable

from effmeter.clock import Clock
from effmeter.recorder.served_client import ServedClient
from effmeter.wire.protocol import ProtocolError

QUIET_NS = 60_000_000_000
"""For this long after its traceback, the same fault is only counted."""
MOST_KINDS = 100
"""More kinds of faults at once are only counted."""


def _to_stderr(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


class FaultLog:
    """Writes the traceback of each kind of fault once a minute, and how many followed it."""

    def __init__(self, clock: Clock, write: Callable[[str], None] = _to_stderr) -> None:
        self._clock = clock
        self._write = write
        self._kinds: dict[tuple[str, str, int], int] = {}
        """When each kind was last written: an exception's type and the line that raised it."""
        self._uncounted = 0

    def note(self, error: Exception) -> bool:
        """Note a fault; whether it is the first of its kind for a while."""
        now_ns = self._clock.now_ns()
        self._kinds = {k: at_ns for k, at_ns in self._kinds.items() if now_ns - at_ns < QUIET_NS}
        kind = _kind_of(error)
        if kind in self._kinds or len(self._kinds) >= MOST_KINDS:
            self._uncounted += 1
            return False
        self._kinds[kind] = now_ns
        before, self._uncounted = self._uncounted, 0
        if before:
            self._write(f"effmeter: {before} more faults of kinds that are shown above\n")
        self._write("".join(traceback.format_exception(error)))
        return True


def _kind_of(error: Exception) -> tuple[str, str, int]:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    place = ("", 0) if at is None else (at.tb_frame.f_code.co_filename, at.tb_lineno)
    return type(error).__name__, *place


class Guard:
    """Surrounds everything that the loop does for a client.

    The client of a fault is condemned: the loop hangs up on it.
    """

    def __init__(self, faults: FaultLog) -> None:
        self.faults = faults
        self._condemned: list[ServedClient] = []

    def around(self, client: ServedClient) -> "_Guarded":
        """A context that keeps the faults of what is done for a client."""
        return _Guarded(client, self)

    def condemn(self, client: ServedClient, error: Exception) -> None:
        """Hang up on a client; what does not fit the protocol is its fault, all else a bug."""
        self._condemned.append(client)
        if isinstance(error, ProtocolError):
            client.send({"op": "refused", "reason": str(error)})
        else:
            self.faults.note(error)

    def pop_condemned(self) -> list[ServedClient]:
        """The clients to hang up on."""
        condemned, self._condemned = self._condemned, []
        return condemned


class _Guarded:
    """One use of a guard."""

    def __init__(self, client: ServedClient, guard: Guard) -> None:
        self._client = client
        self._guard = guard

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._guard.condemn(self._client, error)
        return True
