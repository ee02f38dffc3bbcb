"""Processes as a table in place of those of the machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from effmeter.client.processes import Process

OWN_PID = 100


@dataclass
class Row:
    """One process of the table."""

    parent: int = 1
    environ: Mapping[str, str] | None = field(default_factory=dict)
    command: tuple[str, ...] = ()
    started: int = 1


@dataclass
class ProcessTable:
    """A machine whose processes are rows by number; this program is ``own``."""

    rows: dict[int, Row] = field(default_factory=dict)
    own: int = OWN_PID
    namespace: str = "boot/pid"

    def find(self, pid: int) -> Process | None:
        row = self.rows.get(pid)
        return None if row is None else Process(pid, row.started)

    def ancestors(self) -> Iterator[Process]:
        row = self.rows.get(self.own)
        while row is not None and row.parent in self.rows:
            yield Process(row.parent, self.rows[row.parent].started)
            row = self.rows[row.parent]

    def environment(self, process: Process) -> Mapping[str, str] | None:
        return self.rows[process.pid].environ

    def command(self, process: Process) -> tuple[str, ...]:
        return self.rows[process.pid].command
