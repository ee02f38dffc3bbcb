"""The rendezvous of the ranks of one launch on one host: they share one recorder.

The ranks lock a file that is named after the launch. The first rank starts a recording and writes
its endpoint to the file; the others read it and join.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TypeVar

from effmeter.client.launch_detection import Launch
from effmeter.client.surroundings import Endpoint, Surroundings
from effmeter.errors import RecorderError
from effmeter.wire.paths import user_directory_at_hand

LOCK_TIMEOUT_S = 60.0
T = TypeVar("T")


class Rendezvous:
    """The lock file at which the ranks of one launch meet on this host for one run.

    Ranks meet in runs of one name alone. ``ordinal`` numbers a program's runs of that name: the
    second one of one rank must not meet the first one of another.
    """

    def __init__(self, launch: Launch, name: str, ordinal: int, environ: Mapping[str, str]) -> None:
        facts = (launch.local_key, socket.gethostname(), name, ordinal)
        digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        self._path = user_directory_at_hand(environ) / f"ranks-{digest}"

    def join_or_lead(
        self,
        join: Callable[[Surroundings], T | None],
        lead: Callable[[], T],
        place_of: Callable[[T], Surroundings],
    ) -> T:
        """Join the run that is written in the file if that succeeds; else lead, and write it there.

        RecorderError where another rank holds the lock for longer than a start can take.
        """
        with self._locked() as file:
            met = _read(file)
            joined = None if met is None else join(met)
            if joined is not None:
                return joined
            led = lead()
            with contextlib.suppress(OSError):  # a full disk: the others find no place
                _write(file, place_of(led))
            return led

    def close(self) -> None:
        """Remove the file: ranks that come later start afresh."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[IO[str]]:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+") as place:
                if _try_lock(place):
                    try:
                        if self._is_still(place):
                            yield place
                            return
                    finally:  # a child that another thread forked meanwhile has the file open too
                        fcntl.flock(place, fcntl.LOCK_UN)
            if time.monotonic() > deadline:
                raise RecorderError("another rank did not start the recorder in time")
            time.sleep(0.02)

    def _is_still(self, place: IO[str]) -> bool:
        """Whether the locked file is still the one at the path: a leader removes it at its end."""
        try:
            return os.path.samestat(os.fstat(place.fileno()), self._path.stat())
        except OSError:
            return False


def _try_lock(place: IO[str]) -> bool:
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(place: IO[str], led: Surroundings) -> None:
    """Write at once, without the buffer of the file: before the lock is given up."""
    endpoint = led.endpoint
    facts = [endpoint.socket, endpoint.recording, endpoint.run_file, led.run_id]
    os.ftruncate(place.fileno(), 0)
    os.pwrite(place.fileno(), json.dumps(facts).encode(), 0)


def _read(place: IO[str]) -> Surroundings | None:
    try:
        address, recording, run_file, run_id = json.load(place)
    except (ValueError, TypeError):
        return None
    endpoint = Endpoint(str(address), str(recording), str(Path(run_file)))
    return Surroundings(endpoint, str(run_id))
