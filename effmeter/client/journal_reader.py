"""Reads a journal as it grows: a line that was read once is not parsed again.

A program reads the journal at each run that it begins and ends; a thousand runs inside one that
goes on stay in it.
"""

import json
import os
import stat
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from effmeter.client.journal_entry import JournalEntry

MAX_READ_BYTES = 2 * 1024 * 1024 + 16 * 1024
_HEAD_BYTES = 256


@dataclass(slots=True)
class _Known:
    """What has been read of one file."""

    identity: tuple[int, int]
    head: bytes
    """Its first bytes: another file may get the same number."""
    offset: int = 0
    """Where its next line begins."""
    entries: dict[str, JournalEntry] = field(default_factory=dict)


class JournalReader:
    """Reads journals by path; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._known: dict[Path, _Known] = {}

    def entries(self, path: Path) -> list[JournalEntry]:
        """The entries in the order of beginning; OSError where the file cannot be read."""
        descriptor = open_own(path, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file, self._lock:
            facts = os.fstat(descriptor)
            identity = facts.st_dev, facts.st_ino
            head, known = os.pread(descriptor, _HEAD_BYTES, 0), self._known.get(path)
            if (
                known is None
                or known.identity != identity
                or facts.st_size < known.offset
                or not head.startswith(known.head)
            ):
                known = self._known[path] = _Known(identity, head)  # swept: another file
            file.seek(known.offset)
            data = file.read(MAX_READ_BYTES)
            whole = data[: data.rfind(b"\n") + 1]
            known.offset += len(whole)
            _add(known.entries, whole)
            return list(known.entries.values())

    def forget(self) -> None:
        """Begin anew, in a forked child: another thread may have held the lock."""
        self._lock = threading.RLock()
        self._known.clear()


def _add(entries: dict[str, JournalEntry], data: bytes) -> None:
    """Take lines in; whatever is no line of a journal is passed over."""
    for line in data.splitlines():
        try:
            described = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(described, dict):
            continue
        entry = JournalEntry.from_mapping(described)
        if entry is not None:
            entries[entry.id] = entry
            continue
        known, end_ns = entries.get(str(described.get("id"))), described.get("end_ns")
        if known is not None and type(end_ns) is int and end_ns >= known.begin_ns:
            entries[known.id] = replace(known, end_ns=end_ns)


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a regular file of this user; OSError where the path is something else."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.getuid():
        os.close(descriptor)
        raise OSError(f"{path} is no file of this user")
    return descriptor


JOURNAL_READER = JournalReader()
"""Of this process."""

os.register_at_fork(after_in_child=JOURNAL_READER.forget)
