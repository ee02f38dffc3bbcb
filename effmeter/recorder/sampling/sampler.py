"""One thread per probe, so that a slow one delays no other.

The schedule has absolute deadlines. A mark asks for an extra reading at once; extra readings
are coalesced, and those that come on top of the deadlines keep to a part of the time.
"""

import contextlib
import ctypes
import functools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from effmeter.clock import Clock
from effmeter.probes.base import (
    Boundary,
    BoundaryReader,
    Failure,
    Probe,
    Reading,
    coarse_counters,
)
from effmeter.recorder.sampling.schedule import Schedule

DOZE_NS = 2_000_000
"""Waits up to this long cannot be interrupted: a plain sleep costs a tenth less processor time than
a lock with a timeout."""
QUEUE_READINGS = 65536
_PR_SET_TIMERSLACK = 29


class Sampler:
    """Reads one probe on schedule and on demand; readings wait in a bounded queue."""

    def __init__(self, probe: Probe, clock: Clock, on_extra: Callable[[], None]) -> None:
        self.probe = probe
        self._clock = clock
        self._on_extra = on_extra
        self._readings: deque[Reading] = deque(maxlen=QUEUE_READINGS)
        self.forgotten_readings = 0
        """How many readings the queue has dropped, the oldest first: nothing took them in time."""
        # A lock as a binary semaphore, held while there is no news: releasing wakes the thread.
        # ``threading.Event`` and ``Condition`` cost several system calls for each wait.
        self._woken = threading.Lock()
        self._woken.acquire()
        self._coarse = coarse_counters(probe)
        self._schedule = Schedule(int(probe.period_s * 1e9) if self._coarse else None)
        self._period_ns: int | None = None
        self._boundary_reader = probe if isinstance(probe, BoundaryReader) else None
        self._demands: deque[Boundary] = deque()
        """What extra readings are wanted for."""
        self._stopping = False
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

    def request(self, boundary: Boundary = Boundary.MARK) -> None:
        """Ask for an extra reading as soon as the probe's cost allows."""
        settles_s = 0.0
        if boundary is Boundary.END and self._boundary_reader is not None:
            settles_s = self._boundary_reader.settles_s
        self._schedule.demand(self._clock.now_ns(), int(settles_s * 1e9))
        is_news = not self._demands
        if is_news or boundary is not Boundary.MARK:  # of marks one stands for all
            self._demands.append(boundary)
            self._wake()

    @property
    def missed_deadlines(self) -> int:
        """How many readings came too late for the schedule so far."""
        return self._schedule.missed_deadlines

    @property
    def is_quiet(self) -> bool:
        """Whether no reading is under way or asked for."""
        return not self._demands and self.reading_since_ns is None

    def drain(self) -> list[Reading]:
        """The readings since the last call, oldest first."""
        pop_oldest = self._readings.popleft
        return [pop_oldest() for _ in range(len(self._readings))]

    def stop(self) -> None:
        """End the thread; a hung driver is left behind."""
        self._stopping = True
        self._wake()
        self._thread.join(timeout=0.5)
        if not self._thread.is_alive():
            self.probe.close()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # released already: the thread has yet to wake
            self._woken.release()

    def _run(self) -> None:
        _sharpen_timer()
        schedule, now_ns = self._schedule, self._clock.now_ns()
        while not self._stopping:
            if schedule.period_ns != self._period_ns:
                schedule.set_period(self._period_ns, now_ns)
            due_ns = schedule.due_ns(bool(self._demands))
            if due_ns is None or due_ns > now_ns:
                self._wait(None if due_ns is None else due_ns - now_ns)
                now_ns = self._clock.now_ns()
            if due_ns is not None and due_ns <= now_ns:
                now_ns = self._read(now_ns)

    def _wait(self, wait_ns: int | None) -> None:
        if wait_ns is not None and wait_ns <= DOZE_NS:
            time.sleep(wait_ns * 1e-9)
        else:
            self._woken.acquire(timeout=-1 if wait_ns is None else wait_ns * 1e-9)

    def _read(self, begin_ns: int) -> int:
        """Read what is due now; the moment when that is done."""
        schedule = self._schedule
        self.reading_since_ns = begin_ns
        if self._coarse is None or schedule.is_full_due(begin_ns, bool(self._demands)):
            boundary = self._pop_demands(begin_ns)
            self._collect(self._reader_at(boundary), begin_ns)
            end_ns = self._clock.now_ns()
            schedule.note_full_reading(begin_ns, end_ns)
            if boundary is not None:
                self._on_extra()
        else:
            self._collect(self._coarse.read_closely, begin_ns)
            end_ns = self._clock.now_ns()
            schedule.note_counter_reading(begin_ns, end_ns)
        return end_ns

    def _pop_demands(self, now_ns: int) -> Boundary | None:
        """The most that is demanded of a reading taken now; None: nothing yet."""
        if not self._demands or not self._schedule.is_settled(now_ns):
            return None
        return max(self._demands.popleft() for _ in range(len(self._demands)))

    def _reader_at(self, boundary: Boundary | None) -> Callable[[], Sequence[Reading]]:
        if boundary is None or self._boundary_reader is None:
            return self.probe.read
        return functools.partial(self._boundary_reader.read_at, boundary)

    def _collect(self, read: Callable[[], Sequence[Reading]], begin_ns: int) -> None:
        try:
            readings = read()
        except Exception as error:  # a probe's fault must not end the recording of the others
            failure = Failure(f"{type(error).__name__}: {error}")
            readings = [Reading(c.name, begin_ns, begin_ns, failure) for c in self.probe.channels]
        self.forgotten_readings += max(0, len(self._readings) + len(readings) - QUEUE_READINGS)
        self._readings.extend(readings)
        self.reading_since_ns = None


def _sharpen_timer() -> None:
    """Ask Linux for wake-ups on time: its default slack of 50 us triples the median lateness."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
