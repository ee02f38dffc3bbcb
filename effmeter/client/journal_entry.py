"""One line of the journal: a program's part in a recording."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from effmeter.client.processes import Process

MAX_NAME = 200
_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What a program that takes part in a recording tells others of its user; times are ns.

    ``begin_ns`` and ``end_ns`` are of the run clock; an entry without an end is open.
    """

    id: str
    run_id: str
    name: str
    recording: str
    socket: str
    run_file: str
    pid: int
    started: int
    namespace: str
    begin_ns: int
    end_ns: int | None = None
    parent_run_id: str | None = None
    is_main_thread: bool = True
    job_id: str = ""
    launch: str = ""
    """Key and agent of the launch whose rank the program is."""
    rank: int | None = None

    @property
    def process(self) -> Process:
        """The program, in its namespace."""
        return Process(self.pid, self.started)

    @property
    def boot(self) -> str:
        """The boot by whose clock the times are."""
        return boot_of(self.namespace)

    def begin_line(self) -> str:
        """The line that opens it."""
        values = ((name, getattr(self, name)) for name in _NAMES)
        described = {name: value for name, value in values if value is not None}
        return json.dumps(described)

    def end_line(self, end_ns: int) -> str:
        """The line that closes it."""
        return json.dumps({"id": self.id, "end_ns": end_ns})

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> Self | None:
        """The entry that a line opens; None where it opens none."""
        known = {name: described[name] for name in _NAMES if name in described}
        if not all(_is_possible(name, value) for name, value in known.items()):
            return None
        try:
            return cls(**known)
        except TypeError:  # a field is missing
            return None


_NAMES = tuple(field.name for field in fields(JournalEntry))
_NUMBERS = frozenset({"pid", "started", "begin_ns", "end_ns", "rank"})


def _is_possible(name: str, value: object) -> bool:
    if name in _NUMBERS:
        return type(value) is int and 0 <= value <= _LARGEST
    return isinstance(value, bool if name == "is_main_thread" else str)


def boot_of(namespace: str) -> str:
    """The boot in which a namespace exists."""
    return namespace.partition("/")[0]
