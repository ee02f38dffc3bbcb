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
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TypeVar

from effmeter.client.launch_detection import Launch
from effmeter.client.surroundings import Endpoint, Surroundings
from effmeter.errors import EffmeterError, RecorderError
from effmeter.wire.paths import user_directory_at_hand

LOCK_TIMEOUT_S = 60.0
_UNWRITTEN = 0o700
"""The mode of a file that could not be written: a full disk still takes a mode."""
T = TypeVar("T")


class Rendezvous:
    """The lock file at which the ranks of one launch meet on this host for one run.

    Ranks meet in runs of one name alone. ``ordinal`` numbers a program's runs of that name: the
    second one of one rank must not meet the first one of another.
    """

    def __init__(
        self,
        launch: Launch,
        name: str,
        ordinal: int,
        environ: Mapping[str, str],
        warn: Callable[[str], None],
    ) -> None:
        facts = (launch.local_key, socket.gethostname(), name, ordinal)
        digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        self._environ = environ
        self._name = f"ranks-{digest}"
        self._path: Path | None = None
        self._warn = warn

    def join_or_lead(
        self,
        join: Callable[[Surroundings], T | None],
        lead: Callable[[], T],
        alone: Callable[[], T],
        place_of: Callable[[T], Surroundings],
    ) -> T:
        """Join the run that is written in the file if that succeeds; else lead, and write it there.

        ``alone`` where the file cannot be used, or another rank holds it for longer than a start
        can take: a warning says so.
        """
        with contextlib.ExitStack() as stack:
            try:
                self._path = user_directory_at_hand(self._environ) / self._name
                file = stack.enter_context(_locked(self._path))
                if _is_unwritten(file):
                    raise RecorderError(f"{self._path} could not be written")
            except (EffmeterError, OSError) as error:
                self._path = None
                self._warn_of(error)
                return alone()
            met = _read(file)
            joined = None if met is None else join(met)
            if joined is not None:
                return joined
            led = lead()
            try:
                _write(file, place_of(led))
            except OSError as error:
                self._warn_of(error)
                with contextlib.suppress(OSError):
                    os.fchmod(file.fileno(), _UNWRITTEN)
            return led

    def _warn_of(self, error: Exception) -> None:
        self._warn(
            f"the ranks of this host do not find each other ({error}): each records on its own, "
            "and each recording counts the whole machine"
        )

    def close(self) -> None:
        """Remove the file: ranks that come later start afresh."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    """The locked file at a path; OSError or RecorderError where it cannot be had."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+") as place:
            if _try_lock(place):
                try:
                    if _is_still(place, path):
                        yield place
                        return
                finally:  # a child that another thread forked meanwhile has the file open too
                    fcntl.flock(place, fcntl.LOCK_UN)
        if time.monotonic() > deadline:
            raise RecorderError("another rank did not start the recorder in time")
        time.sleep(0.02)


def _is_unwritten(place: IO[str]) -> bool:
    """Whether a rank leads whose place could not be written."""
    return stat.S_IMODE(os.fstat(place.fileno()).st_mode) == _UNWRITTEN


def _is_still(place: IO[str], path: Path) -> bool:
    """Whether the locked file is still the one at the path: a leader removes it at its end."""
    try:
        return os.path.samestat(os.fstat(place.fileno()), path.stat())
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
