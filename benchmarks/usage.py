"""What a process has used so far, as the kernel counts it."""

import ctypes
import time
from pathlib import Path
from typing import NamedTuple

import psutil


class Usage(NamedTuple):
    """Processor time, wake-ups, and reads and writes of one process, all of its threads."""

    wall_ns: int
    cpu_ns: int
    wake_ups: int | None
    """How often a thread went to sleep of its own will; None where that is not told."""
    reads_and_writes: int | None

    def since(self, before: "Usage") -> "Rates":
        """Per second between two moments."""
        wall_s = (self.wall_ns - before.wall_ns) * 1e-9
        return Rates(
            (self.cpu_ns - before.cpu_ns) * 1e-9 / wall_s,
            _per_second(before.wake_ups, self.wake_ups, wall_s),
            _per_second(before.reads_and_writes, self.reads_and_writes, wall_s),
        )


class Rates(NamedTuple):
    """Use per second of wall time."""

    cpu_s: float
    wake_ups: float | None
    reads_and_writes: float | None


def usage_of(pid: int) -> Usage:
    """What a process has used so far; ProcessLookupError where it has ended.

    A process that nobody has waited for still has a clock, which stands: it must not be measured.
    """
    if not _is_running(pid):
        raise ProcessLookupError(f"process {pid} has ended: it cannot be measured")
    return Usage(time.monotonic_ns(), _cpu_ns(pid), _wake_ups(pid), _reads_and_writes(pid))


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _per_second(before: int | None, after: int | None, wall_s: float) -> float | None:
    return None if before is None or after is None else (after - before) / wall_s


def _cpu_ns(pid: int) -> int:
    """By the process's own clock: /proc/PID/stat counts in steps of 10 ms."""
    clock = ctypes.c_int()
    find_clock = getattr(ctypes.CDLL(None), "clock_getcpuclockid", None)
    if find_clock is not None and find_clock(pid, ctypes.byref(clock)) == 0:
        return time.clock_gettime_ns(clock.value)
    times = psutil.Process(pid).cpu_times()
    return int((times.user + times.system) * 1e9)


def _wake_ups(pid: int) -> int | None:
    statuses = [path.read_text() for path in Path("/proc").glob(f"{pid}/task/*/status")]
    if not statuses:
        return None
    return sum(_field(status, "voluntary_ctxt_switches:") for status in statuses)


def _reads_and_writes(pid: int) -> int | None:
    counters = Path(f"/proc/{pid}/io")
    if not counters.exists():
        return None
    text = counters.read_text()
    return _field(text, "syscr:") + _field(text, "syscw:")


def _field(text: str, name: str) -> int:
    return int(text.partition(f"\n{name}")[2].split()[0])
