"""The journal: which recordings the programs of one user take part in, on one machine.

A small file in the user's runtime directory. A program adds a line when its part in a recording
begins and another when it ends; it reads those of others to find the run that an ancestor records,
and the runs that overlapped its own. Without the file a program does without: no fault here delays
or fails a run.
"""

import contextlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from effmeter.client.journal_entry import JournalEntry, boot_of
from effmeter.client.journal_file import (
    locked,
    open_own,
    read_own,
    size_of,
    swept_bytes,
)
from effmeter.client.last_write import LAST_WRITES, LastWrites
from effmeter.client.processes import Process, Processes
from effmeter.clock import anchor
from effmeter.errors import EffmeterError
from effmeter.wire.paths import user_directory_at_hand

SWEEP_BYTES = 32 * 1024
MAX_BYTES = 256 * 1024
"""A journal that a sweep cannot make smaller than this loses its oldest lines."""
KEPT_NS = 24 * 3600 * 10**9
"""How long the ended parts of ranks are kept: they number the runs of later programs."""
_LINE_BYTES = 16 * 1024
_MOST_READ = 2 * MAX_BYTES + _LINE_BYTES


class Journal:
    """The journal of this user; every method does nothing where the file cannot be used."""

    def __init__(
        self,
        environ: Mapping[str, str],
        processes: Processes,
        last_writes: LastWrites = LAST_WRITES,
    ) -> None:
        self._environ = environ
        self._processes = processes
        self._last_writes = last_writes

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
        ``with_ranks``, those of ranks. A part whose program died, or cannot be seen from this
        namespace, is given its beginning for an end: only ``beside`` looks for that.
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
            found = _parse(read_own(self._path(), _MOST_READ), is_wanted)
            gone = {entry.id for entry in self._not_running(found)}
            return [replace(e, end_ns=e.begin_ns) if e.id in gone else e for e in found]
        return []

    def beside(self, own: JournalEntry, gone_before: Collection[str]) -> list[JournalEntry]:
        """The parts that may have overlapped one that is about to end, with their ends.

        ``gone_before``: the ids of parts of this namespace that were over when it began.
        """

        def is_wanted(described: Mapping[str, Any]) -> bool:
            end_ns = described.get("end_ns")
            is_later = type(end_ns) is not int or end_ns > own.begin_ns
            return is_later and described.get("id") not in gone_before

        with contextlib.suppress(OSError, EffmeterError):
            return self._with_ends(_parse(read_own(self._path(), _MOST_READ), is_wanted))
        return []

    def _with_ends(self, entries: Sequence[JournalEntry]) -> list[JournalEntry]:
        """The entries; the end of a program that died is the last write to its file.

        So is that of a program of another namespace, whose process cannot be looked up. Without a
        file it ended when it began; one whose file system does not answer has lasted until now.
        """
        gone = {entry.id: entry.run_file for entry in self._not_running(entries)}
        written_ns = self._last_writes.look_up(gone.values())
        now = anchor()

        def ended(entry: JournalEntry) -> JournalEntry:
            wall_ns = written_ns.get(entry.run_file, now.wall_ns)
            end_ns = 0 if wall_ns is None else wall_ns - now.wall_ns + now.time_ns
            return replace(entry, end_ns=max(entry.begin_ns, min(end_ns, now.time_ns)))

        return [ended(entry) if entry.id in gone else entry for entry in entries]

    def _not_running(self, entries: Iterable[JournalEntry]) -> Iterator[JournalEntry]:
        """The open entries whose process is not there: its number and start, in this namespace."""
        namespace = self._processes.namespace
        found: dict[int, Process | None] = {}
        for entry in entries:
            if entry.end_ns is not None:
                continue
            is_here = entry.namespace == namespace != ""
            if is_here and entry.pid not in found:
                found[entry.pid] = self._processes.find(entry.pid)
            if not is_here or found[entry.pid] != entry.process:
                yield entry

    def _path(self) -> Path:
        return user_directory_at_hand(self._environ) / "journal"

    def _append(self, line: str) -> None:
        data = f"\n{line}\n".encode()  # the line before may have been cut off
        if len(data) > _LINE_BYTES:
            return
        with contextlib.suppress(OSError, EffmeterError):
            path = self._path()
            with locked(path.with_name("journal.lock")):
                if size_of(path) > SWEEP_BYTES and size_of(path) > 2 * swept_bytes(path, MAX_BYTES):
                    with contextlib.suppress(OSError):
                        self._sweep(path)
                if size_of(path) > 2 * MAX_BYTES:
                    return  # nothing could be swept
                descriptor = open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                try:
                    os.write(descriptor, data)
                finally:
                    os.close(descriptor)

    def _sweep(self, path: Path) -> None:
        """Rewrite the file without what no run can need any more."""
        kept = self._needed(_parse(read_own(path, _MOST_READ)))
        lines = [entry.begin_line() for entry in kept]
        while lines and sum(map(len, lines)) > MAX_BYTES:
            del lines[: len(lines) // 2 + 1]
        text = "\n".join(lines)
        fresh = path.with_name("journal.new")
        descriptor = open_own(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
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
        mine = self._with_ends([entry for entry in entries if entry.boot == boot])
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
