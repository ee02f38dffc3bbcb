"""The one clock of a run, and the anchors that tie it to the wall.

Readings and marks are stamped with a clock that never steps and that goes on through
suspend: ``CLOCK_BOOTTIME`` on Linux (``CLOCK_MONOTONIC`` stops there), ``CLOCK_MONOTONIC`` on
macOS (where it is the one that goes on). All processes of a host share it.
"""

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

if sys.platform == "linux":
    _RUN_CLOCK = time.CLOCK_BOOTTIME
    _AWAKE_CLOCK = time.CLOCK_MONOTONIC
else:
    _RUN_CLOCK = time.CLOCK_MONOTONIC
    _AWAKE_CLOCK = getattr(time, "CLOCK_UPTIME_RAW", time.CLOCK_MONOTONIC)


now_ns: Callable[[], int] = functools.partial(time.clock_gettime_ns, _RUN_CLOCK)
"""Nanoseconds of the run clock."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The run clock, the wall clock and the time spent awake, read back to back (ns)."""

    time_ns: int
    wall_ns: int
    awake_ns: int


def anchor() -> Anchor:
    """An anchor taken now: a wall clock that was set, and suspend, show between two of them."""
    before = now_ns()
    wall_ns = time.time_ns()
    awake_ns = time.clock_gettime_ns(_AWAKE_CLOCK)
    return Anchor((before + now_ns()) // 2, wall_ns, awake_ns)


class Clock(Protocol):
    """What the recorder needs of time; tests inject one that they move by hand."""

    def now_ns(self) -> int:
        """Nanoseconds of the run clock."""

    def anchor(self) -> Anchor:
        """The run clock beside the wall clock."""


class SystemClock:
    """The machine's own clocks."""

    now_ns = staticmethod(now_ns)
    anchor = staticmethod(anchor)
