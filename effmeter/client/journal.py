"""The journal: which recordings the programs of one user take part in, on one machine.

A small file in the user's runtime directory. A program adds a line when its part in a recording
begins and another when it ends; it reads those of others to find the run that an ancestor records,
and the runs that overlapped its own. Without the file a program does without: no fault here delays
or fails a run.
"""

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from effmeter.client.journal_entry import JournalEntry, boot_of
from effmeter.client.processes import Processes
from effmeter.clock import anchor
from effmeter.errors import EffmeterError
from effmeter.wire.paths import user_directory_at_hand

SWEEP_BYTES = 32 * 1024
MAX_BYTES = 1024 * 1024
"""A journal that a sweep cannot make smaller than this loses its oldest lines."""
KEPT_NS = 24 * 3600 * 10**9
"""How long the ended parts of ranks are kept: they number the runs of later programs."""
LOCK_TIMEOUT_S = 0.05
_LINE_BYTES = 16 * 1024


class Journal:
    """The journal of this user; every method does nothing where the file cannot be used."""

    def __init__(self, environ: Mapping[str, str], processes: Processes) -> None:
        self._environ = environ
        self._processes = processes

    def begin(self, entry: JournalEntry) -> None:
        """Add a part that begins."""
        self._append(entry.begin_line())

    def end(self, entry: JournalEntry, end_ns: int) -> None:
        """Close a part that ended."""
        self._append(entry.end_line(end_ns))

    def entries(
        self, ended_after_ns: int = -1, of_run: str | None = None, *, with_ranks: bool = True
    ) -> list[JournalEntry]:
        """What can be read, in the order of beginning.

        Of the parts that have ended, those that ended later than a time, those ``of_run`` and, with
        ``with_ranks``, those of ranks. The end of a program that died is the last write to its
        file: that also serves programs of other namespaces, whose processes cannot be looked up.
        """

        def is_wanted(described: Mapping[str, Any]) -> bool:
            end_ns = described.get("end_ns")
            return (
                type(end_ns) is not int
                or end_ns > ended_after_ns
                or described.get("run_id") == of_run
                or (with_ranks and bool(described.get("launch")))
            )

        with contextlib.suppress(OSError, EffmeterError):
            return [self._checked(entry) for entry in _parse(_read(self._path()), is_wanted)]
        return []

    def _checked(self, entry: JournalEntry) -> JournalEntry:
        if entry.end_ns is not None or self.is_running(entry):
            return entry
        now = anchor()
        try:
            written_ns = os.stat(entry.run_file).st_mtime_ns - now.wall_ns + now.time_ns
        except (OSError, ValueError):
            written_ns = entry.begin_ns
        return replace(entry, end_ns=max(entry.begin_ns, min(written_ns, now.time_ns)))

    def is_running(self, entry: JournalEntry) -> bool:
        """Whether the entry's process is there: its number and start, in this namespace."""
        if not entry.namespace or entry.namespace != self._processes.namespace:
            return False
        return self._processes.find(entry.pid) == entry.process

    def _path(self) -> Path:
        return user_directory_at_hand(self._environ) / "journal"

    def _append(self, line: str) -> None:
        data = f"\n{line}\n".encode()  # the line before may have been cut off
        if len(data) > _LINE_BYTES:
            return
        with contextlib.suppress(OSError, EffmeterError):
            path = self._path()
            with locked(path.with_name("journal.lock")):
                if _size(path) > SWEEP_BYTES and _size(path) > 2 * _swept_bytes(path):
                    with contextlib.suppress(OSError):
                        self._sweep(path)
                if _size(path) > 2 * MAX_BYTES:
                    return  # nothing could be swept
                descriptor = _open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                try:
                    os.write(descriptor, data)
                finally:
                    os.close(descriptor)

    def _sweep(self, path: Path) -> None:
        """Rewrite the file without what no run can need any more."""
        kept = self._needed(_parse(_read(path)))
        lines = [entry.begin_line() for entry in kept]
        while lines and sum(map(len, lines)) > MAX_BYTES:
            del lines[: len(lines) // 2 + 1]
        text = "\n".join(lines)
        fresh = path.with_name("journal.new")
        descriptor = _open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(f'{{"swept": {len(text)}}}\n{text}\n')
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    def _needed(self, entries: Iterable[JournalEntry]) -> list[JournalEntry]:
        """Open parts of this boot, those that overlap them, and the younger ones of ranks."""
        boot, now_ns = boot_of(self._processes.namespace), anchor().time_ns
        mine = [self._checked(entry) for entry in entries if entry.boot == boot]
        first_ns = min((e.begin_ns for e in mine if e.end_ns is None), default=now_ns)
        return [
            entry
            for entry in mine
            if entry.end_ns is None
            or first_ns < entry.end_ns <= now_ns
            or (entry.launch and entry.end_ns > now_ns - KEPT_NS)
        ]


def _parse(
    data: bytes, is_wanted: Callable[[Mapping[str, Any]], bool] = lambda _: True
) -> list[JournalEntry]:
    """The wanted entries; whatever is no line of a journal is passed over."""
    found: dict[str, dict[str, Any]] = {}
    for line in data.decode(errors="replace").split("\n"):
        try:
            described = json.loads(line) if line else None
        except (ValueError, RecursionError):
            continue
        if not isinstance(described, dict):
            continue
        id_ = str(described.get("id"))
        if "begin_ns" in described:
            found[id_] = described
        elif id_ in found and type(described.get("end_ns")) is int:
            found[id_]["end_ns"] = described["end_ns"]
    entries = (JournalEntry.from_mapping(one) for one in found.values() if is_wanted(one))
    return [entry for entry in entries if entry is not None]


def _read(path: Path) -> bytes:
    descriptor = _open(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(2 * MAX_BYTES + _LINE_BYTES)


def _open(path: Path, flags: int) -> int:
    """A descriptor of a regular file of this user; OSError where the path is something else."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
        os.close(descriptor)
        raise OSError(f"{path} is no file of this user")
    return descriptor


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _swept_bytes(path: Path) -> int:
    """What the last sweep could not remove, from the first line; 0 without one."""
    try:
        with os.fdopen(_open(path, os.O_RDONLY), "rb") as file:
            swept = json.loads(file.readline(100))["swept"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return swept if type(swept) is int and 0 <= swept <= MAX_BYTES else 0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the journal; OSError where another program holds it for too long."""
    descriptor = _open(path, os.O_RDWR | os.O_CREAT)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)
        try:
            yield
        finally:  # a child that another thread forked meanwhile has the descriptor too
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
