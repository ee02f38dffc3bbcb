"""Lets a tool measure windows of known work, and times the tool; prints JSON."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import psutil

from benchmarks.usage import usage_of
from effmeter.clock import now_ns

CPU, RAM, GPU = "cpu", "ram", "gpu"


SETTLE_S = 6.0
"""After the first window: what tools start with it, they have started by then."""


class Told(NamedTuple):
    """What a tool says of one window, by component; what it does not measure is not there."""

    energy_j: Mapping[str, float]
    interval_j: Mapping[str, tuple[float, float]]
    """Empty for a tool that does not say how sure it is."""


class Tool(Protocol):
    """A measuring tool, by the calls that its manual gives for windows."""

    def enter(self) -> None:
        """Make ready to measure."""

    def begin(self, number: int) -> None:
        """Begin a window."""

    def end(self, number: int) -> None:
        """End it."""

    def leave(self) -> None:
        """Be done."""

    def pids(self) -> Sequence[int]:
        """Processes that work for it and are no children of this program."""

    def told(self) -> Sequence[Told]:
        """What it says of each window, in order; asked after the end."""


def measure(tool: Tool, lengths_s: Sequence[float]) -> None:
    """Windows, the first apart from the rest; prints what the tool said and what it took."""
    entered_ns = _time(tool.enter)
    windows = [_window(tool, 0, lengths_s[0])]
    time.sleep(SETTLE_S)
    windows += [_window(tool, 1 + i, length_s) for i, length_s in enumerate(lengths_s[1:])]
    left_ns = _time(tool.leave)
    for window, told in zip(windows, tool.told(), strict=True):
        window |= told._asdict()
    print()
    print(json.dumps({"enter": entered_ns, "leave": left_ns, "of": windows}))


def _window(tool: Tool, number: int, length_s: float) -> dict[str, Any]:
    """One window; the work sleeps, so all processor time that is used is the tool's."""
    begin_took_ns = _time(lambda: tool.begin(number))
    begin_ns = now_ns()
    watched = _Watched(tool.pids())
    time.sleep(max(0.0, length_s - (now_ns() - begin_ns) * 1e-9))
    cpu_fraction = watched.cpu_fraction()
    end_ns = now_ns()
    return {
        "length_s": length_s,
        "begin_ns": begin_ns,
        "end_ns": end_ns,
        "begin_took_ns": begin_took_ns,
        "end_took_ns": _time(lambda: tool.end(number)),
        "cpu_fraction": cpu_fraction,
    }


class _Watched:
    """Processor time of this program and of the processes that the tool has started."""

    def __init__(self, pids: Sequence[int]) -> None:
        me = psutil.Process()
        self._pids = [me.pid, *pids, *(child.pid for child in me.children(recursive=True))]
        self._before = [usage_of(pid) for pid in self._pids]

    def cpu_fraction(self) -> float:
        """Seconds of processor time in a second of wall time, since this was made."""
        after = map(usage_of, self._pids)
        return sum(a.since(b).cpu_s for a, b in zip(after, self._before, strict=True))


def _time(action: Any) -> int:
    began_ns = time.perf_counter_ns()
    action()
    return time.perf_counter_ns() - began_ns
