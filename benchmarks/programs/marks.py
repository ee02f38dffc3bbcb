"""Times marks in a training thread beside the least that could carry them; prints JSON.

Spaced: at each deadline one of the contestants acts, in turn; the thread works in between, as
a training loop does. Slept: it sleeps in between, and each finds a processor that was idle.
Burst: each acts many times without a pause.
"""

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import effmeter
from benchmarks.programs.lasting import recorded
from effmeter.clock import now_ns

SPACING_S = 0.001
PAUSE_S = 0.2
"""After a burst, so that the next finds a recorder that has taken it in."""
KERNEL_CALLS = frozenset({"send", "recvmsg", "getpid", "poll", "select", "write", "read"})
"""Functions of Python that are a system call each; reading a clock is none on Linux."""
_READER = (
    "import socket, sys; s = socket.socket(fileno=int(sys.argv[1]))\nwhile s.recv(65536): pass"
)
_MARK: Mapping[str, Any] = {"op": "mark", "event": "metric", "name": "loss", "value": 0.125}

Action = Callable[[], object]
Contestants = Mapping[str, Action]


class Span:
    """A span whose two marks are timed apart."""

    def __init__(self, run: effmeter.Run) -> None:
        self._run = run
        self._span = run.span("step")

    def begin(self) -> None:
        """The mark at its beginning."""
        self._span = self._run.span("step")
        self._span.__enter__()

    def end(self) -> None:
        """The mark at its end."""
        self._span.__exit__(None, None, None)


class BareSocket:
    """One system call that hands a ready line to another process, and never waits."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", _READER, str(theirs.fileno())]
            self._reader = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self._socket.setblocking(False)
        self._line = encoded_mark()
        self.line_bytes = len(self._line)
        self.not_taken = 0

    def send(self) -> None:
        """Send the line; what the socket does not take is lost."""
        try:
            self._socket.send(self._line)
        except BlockingIOError:
            self.not_taken += 1

    def close(self) -> None:
        """End the reader."""
        self._socket.close()
        self._reader.wait()


def encoded_mark() -> bytes:
    """What a metric looks like on its way: a dict made, and written as JSON."""
    mark = {**_MARK, "time_ns": now_ns(), "parent": 2}
    return json.dumps(mark, separators=(",", ":")).encode() + b"\n"


def work_until(due_ns: int) -> None:
    """Use the processor as a training loop does."""
    while time.perf_counter_ns() < due_ns:
        sum(range(100))


def sleep_until(due_ns: int) -> None:
    """Leave the processor alone."""
    time.sleep(max(0, due_ns - time.perf_counter_ns()) * 1e-9)


def time_spaced(
    contestants: Contestants, turns: int, pass_time_until: Callable[[int], None]
) -> dict[str, list[int]]:
    """Nanoseconds of each action, one action at each deadline."""
    taken: dict[str, list[int]] = {name: [] for name in contestants}
    due_ns = time.perf_counter_ns()
    for _ in range(turns):
        for name, action in contestants.items():
            due_ns += int(SPACING_S * 1e9)
            pass_time_until(due_ns)
            began_ns = time.perf_counter_ns()
            action()
            taken[name].append(time.perf_counter_ns() - began_ns)
    return taken


def time_burst(action: Action, marks: int) -> list[int]:
    """Nanoseconds of each of many actions without a pause."""
    taken = []
    for _ in range(marks):
        began_ns = time.perf_counter_ns()
        action()
        taken.append(time.perf_counter_ns() - began_ns)
    return taken


def time_round(contestants: Contestants, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Every manner once."""
    some = {name: contestants[name] for name in ("log", "send", "dumps")}
    burst = {}
    for name, action in some.items():
        burst[name] = time_burst(action, settings["burst"])
        time.sleep(PAUSE_S)
    return {
        "spaced": time_spaced(contestants, settings["turns"], work_until),
        "slept": time_spaced(some, settings["turns"], sleep_until),
        "burst": burst,
    }


def kernel_calls(action: Action, repeats: int = 50) -> float:
    """How many system calls an action makes on average, counted by the interpreter."""
    calls: Counter[str] = Counter()

    def count(_frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            calls[argument.__name__] += 1

    sys.setprofile(count)
    for _ in range(repeats):
        action()
    sys.setprofile(None)
    return sum(calls[name] for name in KERNEL_CALLS) / repeats


def main() -> None:
    """``{"path", "rounds", "turns", "burst"}``; prints times by round, contestant and manner."""
    settings = json.loads(sys.argv[1])
    bare = BareSocket()
    with recorded(settings["path"], recorder="private") as run:
        span = Span(run)
        contestants: Contestants = {
            "log": lambda: run.log(loss=0.125),
            "send": bare.send,
            "dumps": encoded_mark,
            "begin": span.begin,
            "end": span.end,
        }
        time_spaced(contestants, 20, work_until)
        calls = kernel_calls(contestants["log"])
        rounds = [time_round(contestants, settings) for _ in range(settings["rounds"])]
    bare.close()
    answer = {"rounds": rounds, "kernel_calls": calls, "line_bytes": bare.line_bytes}
    print(json.dumps({**answer, "not_taken": bare.not_taken}))


if __name__ == "__main__":
    main()
