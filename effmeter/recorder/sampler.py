"""One thread per probe, so that a slow one delays no other.

The schedule has absolute deadlines. A mark asks for an extra reading at once; extra readings
are coalesced, and are spaced so that they take at most ``EXTRA_LOAD`` of the time.
"""

import contextlib
import ctypes
import sys
import threading
from collections import deque
from collections.abc import Callable

from effmeter.clock import Clock
from effmeter.probes.base import Failure, Probe, Reading

EXTRA_LOAD_FRACTION = 0.1
LONGEST_REST_NS = 500_000_000
"""After a call that took long, such as a driver's hang, extra readings wait no longer."""
QUEUE_READINGS = 65536
_PR_SET_TIMERSLACK = 29


class Sampler:
    """Reads one probe on schedule and on demand; readings wait in a bounded queue."""

    def __init__(self, probe: Probe, clock: Clock, on_extra: Callable[[], None]) -> None:
        self.probe = probe
        self._clock = clock
        self._on_extra = on_extra
        self._readings: deque[Reading] = deque(maxlen=QUEUE_READINGS)
        self._woken = threading.Lock()
        self._woken.acquire()
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
        take_oldest = self._readings.popleft
        return [take_oldest() for _ in range(len(self._readings))]

    def stop(self) -> None:
        """End the thread; a hung driver is left behind."""
        self._stopping = True
        self._wake()
        self._thread.join(timeout=0.5)
        if not self._thread.is_alive():
            self.probe.close()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # woken already
            self._woken.release()

    def _run(self) -> None:
        _sharpen_timer()
        now_ns = deadline_ns = self._clock.now_ns()
        period_ns = self._period_ns
        last_read_ns = 0
        while not self._stopping:
            if period_ns != self._period_ns:
                period_ns, deadline_ns = self._period_ns, now_ns
            due_ns = deadline_ns if period_ns is not None else None
            if self._extra_wanted:
                rest_ns = min(int(self._cost_ns / EXTRA_LOAD_FRACTION), LONGEST_REST_NS)
                extra_ns = last_read_ns + rest_ns
                due_ns = extra_ns if due_ns is None else min(due_ns, extra_ns)
            if due_ns is None or due_ns > now_ns:
                self._woken.acquire(timeout=-1 if due_ns is None else (due_ns - now_ns) * 1e-9)
                now_ns = self._clock.now_ns()
                continue
            self.reading_since_ns = begin_ns = now_ns
            extra, self._extra_wanted = self._extra_wanted, False
            self._read(begin_ns)
            now_ns = last_read_ns = self._clock.now_ns()
            self._cost_ns = last_read_ns - begin_ns
            if extra:
                self._on_extra()
            if period_ns is not None and deadline_ns <= begin_ns:
                late = (last_read_ns - deadline_ns) // period_ns
                self.missed_deadlines += late
                deadline_ns += (late + 1) * period_ns

    def _read(self, begin_ns: int) -> None:
        try:
            self._readings.extend(self.probe.read())
        except Exception as error:  # a probe's fault must not end the recording of the others
            reason = f"{type(error).__name__}: {error}"
            self._readings.extend(
                Reading(c.name, begin_ns, begin_ns, Failure(reason)) for c in self.probe.channels
            )
        self.reading_since_ns = None


def _sharpen_timer() -> None:
    """Ask Linux for wake-ups on time: its default slack of 50 us triples the median lateness."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
