"""One thread per probe, so that a slow one delays no other.

The schedule has absolute deadlines. A mark asks for an extra reading at once; extra readings
are coalesced, and are spaced so that they take at most ``EXTRA_LOAD`` of the time.
"""

import contextlib
import ctypes
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable

from effmeter.clock import Clock
from effmeter.probes.base import Failure, Probe, Reading

EXTRA_LOAD_FRACTION = 0.1
QUEUE_READINGS = 65536
_PR_SET_TIMERSLACK = 29


class Sampler:
    """Reads one probe on schedule and on demand; readings wait in a bounded queue."""

    def __init__(self, probe: Probe, clock: Clock, on_extra: Callable[[], None]) -> None:
        self.probe = probe
        self._clock = clock
        self._on_extra = on_extra
        self._readings: deque[Reading] = deque(maxlen=QUEUE_READINGS)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._period_ns: int | None = None
        self._extra_wanted = False
        self._stopping = False
        self._cost_ns = 0
        self.missed_deadlines = 0
        self.reading_since_ns: int | None = None
        """When the call now in progress began; a driver that hangs shows here."""
        self._thread = threading.Thread(target=self._run, name=f"sample-{probe.name}", daemon=True)

    def start(self) -> None:
        """Begin; nothing is read until a period is set or a reading is asked for."""
        self._thread.start()

    def set_period(self, period_s: float | None) -> None:
        """Read this often, at most as often as the probe can tell anything new; None: rest."""
        period_ns = None if period_s is None else int(max(period_s, self.probe.period_s) * 1e9)
        if period_ns != self._period_ns:
            self._period_ns = period_ns
            self._wake()

    def request(self) -> None:
        """Ask for an extra reading as soon as the probe's cost allows."""
        if not self._extra_wanted:
            self._extra_wanted = True
            self._wake()

    @property
    def is_quiet(self) -> bool:
        """Whether no reading is under way or asked for."""
        return not self._extra_wanted and self.reading_since_ns is None

    def take(self) -> list[Reading]:
        """The readings since the last call, oldest first."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._readings.popleft())
        return taken

    def stop(self) -> None:
        """End the thread; a hung driver is left behind."""
        self._stopping = True
        self._wake()
        self._thread.join(timeout=0.5)
        if not self._thread.is_alive():
            self.probe.close()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"x")

    def _run(self) -> None:
        _sharpen_timer()
        deadline_ns = self._clock.now_ns()
        period_ns = self._period_ns
        last_read_ns = 0
        while not self._stopping:
            now_ns = self._clock.now_ns()
            if period_ns != self._period_ns:
                period_ns, deadline_ns = self._period_ns, now_ns
            extra_ns = last_read_ns + int(self._cost_ns / EXTRA_LOAD_FRACTION)
            due_ns = deadline_ns if period_ns is not None else None
            if self._extra_wanted:
                due_ns = extra_ns if due_ns is None else min(due_ns, extra_ns)
            if due_ns is None or due_ns > now_ns:
                self._rest(None if due_ns is None else (due_ns - now_ns) * 1e-9)
                continue
            self.reading_since_ns = now_ns
            extra, self._extra_wanted = self._extra_wanted, False
            self._read()
            last_read_ns = self._clock.now_ns()
            if extra:
                self._on_extra()
            if period_ns is not None and deadline_ns <= now_ns:
                late = (last_read_ns - deadline_ns) // period_ns
                self.missed_deadlines += late
                deadline_ns += (late + 1) * period_ns

    def _rest(self, seconds: float | None) -> None:
        if select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 4096)

    def _read(self) -> None:
        begin_ns = self._clock.now_ns()
        try:
            self._readings.extend(self.probe.read())
        except Exception as error:  # a probe's fault must not end the recording of the others
            reason = f"{type(error).__name__}: {error}"
            self._readings.extend(
                Reading(c.name, begin_ns, begin_ns, Failure(reason)) for c in self.probe.channels
            )
        self.reading_since_ns = None
        self._cost_ns = self._clock.now_ns() - begin_ns


def _sharpen_timer() -> None:
    """Ask Linux for wake-ups on time: its default slack of 50 us triples the median lateness."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
