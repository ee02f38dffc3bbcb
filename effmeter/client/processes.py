"""The processes of this machine: which one started another, when, and with what environment.

A process number alone proves nothing: numbers are reused, and a container has its own. A process
is its number together with its start, within one PID namespace.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

_PROC = Path("/proc")
_MOST_ANCESTORS = 64
_LONGEST_BYTES = 256 * 1024


class Process(NamedTuple):
    """A process: its number, and its start in ticks of a clock that it keeps for life."""

    pid: int
    started: int


class Processes(Protocol):
    """The processes that this program can see; tests inject a table of their own."""

    @property
    def namespace(self) -> str:
        """What tells the numbers of this program's PID namespace from another's."""

    def find(self, pid: int) -> Process | None:
        """The process that has a number now; None where it is gone or cannot be seen."""

    def ancestors(self) -> Iterator[Process]:
        """The parent of this process, its parent, and so on."""

    def environment(self, process: Process) -> Mapping[str, str] | None:
        """The environment with which a process was started; None where it cannot be read."""

    def command(self, process: Process) -> tuple[str, ...]:
        """The command line of a process; empty where it cannot be read."""


class LinuxProcesses:
    """The processes that ``/proc`` shows."""

    def __init__(self) -> None:
        self._boot = _text(_PROC / "sys/kernel/random/boot_id").strip() or "unknown"

    @property
    def namespace(self) -> str:
        """The boot and the namespace; empty where ``/proc`` shows another namespace's numbers."""
        try:
            if os.readlink(_PROC / "self") != str(os.getpid()):
                return ""
            return f"{self._boot}/{os.readlink(_PROC / 'self/ns/pid')}"
        except OSError:
            return ""

    def find(self, pid: int) -> Process | None:
        """The process that has a number now."""
        fields = self._fields(pid) if _is_taken(pid) else None
        return None if fields is None else Process(pid, int(fields[19]))

    def ancestors(self) -> Iterator[Process]:
        """The parent of this process, its parent, and so on."""
        if not self.namespace:
            return
        pid = os.getpid()
        for _ in range(_MOST_ANCESTORS):
            fields = self._fields(pid)
            parent = None if fields is None else self.find(int(fields[1]))
            if parent is None:
                return
            yield parent
            pid = parent.pid

    def environment(self, process: Process) -> Mapping[str, str] | None:
        """The environment with which a process was started."""
        data = _text(_PROC / str(process.pid) / "environ")
        if not data:
            return None
        pairs = (item.partition("=") for item in data.split("\0"))
        return {name: value for name, separator, value in pairs if separator}

    def command(self, process: Process) -> tuple[str, ...]:
        """The command line of a process."""
        return tuple(_text(_PROC / str(process.pid) / "cmdline").split("\0")[:-1])

    @staticmethod
    def _fields(pid: int) -> list[str] | None:
        """The fields of ``stat`` from the state on: the name before them may hold anything."""
        fields = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
        return fields if len(fields) > 19 else None


class OtherProcesses:
    """The processes that psutil shows, on systems without ``/proc``.

    ``boot_time`` states the time of the boot (s), as psutil's does.
    """

    def __init__(self, boot_time: Callable[[], float] | None = None) -> None:
        self._boot_time = boot_time

    @property
    def namespace(self) -> str:
        """There is one namespace in each boot; its time is known to some seconds.

        Empty where the system does not state it: then no process is recognised.
        """
        import psutil

        with contextlib.suppress(psutil.Error, OSError, RuntimeError):
            return f"{round((self._boot_time or psutil.boot_time)() / 600)}/{sys.platform}"
        return ""

    def find(self, pid: int) -> Process | None:
        """The process that has a number now."""
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            return Process(pid, round(psutil.Process(pid).create_time() * 1e6))
        return None

    def ancestors(self) -> Iterator[Process]:
        """The parent of this process, its parent, and so on."""
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            for parent in psutil.Process().parents()[:_MOST_ANCESTORS]:
                yield Process(parent.pid, round(parent.create_time() * 1e6))

    def environment(self, process: Process) -> Mapping[str, str] | None:
        """The environment with which a process was started."""
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            return psutil.Process(process.pid).environ()
        return None

    def command(self, process: Process) -> tuple[str, ...]:
        """The command line of a process."""
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            return tuple(psutil.Process(process.pid).cmdline())
        return ()


def own_processes() -> Processes:
    """The processes of this machine, by the means of its system."""
    return LinuxProcesses() if sys.platform == "linux" else OtherProcesses()


def _is_taken(pid: int) -> bool:
    """Whether a process has a number: a fast answer where a journal names hundreds of dead ones."""
    if pid <= 0:  # a group of processes
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return True


def _text(path: Path) -> str:
    """The beginning of a file of ``/proc``; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return os.fsdecode(file.read(_LONGEST_BYTES))
    except OSError:
        return ""
