"""The ``powermetrics`` process: started, followed, started again, and ended while it is not needed.

A thread follows its output, so that a reading never waits for it. A process that ends or falls
silent is a failure with its reason, and is replaced after a pause. Without a read for a while the
process is ended, since it costs time even when nothing is recorded; the next read starts it again.
"""

import contextlib
import os
import select
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple

from effmeter.clock import Clock
from effmeter.probes.apple.powermetrics_stream import EnergyTotals, Sample, SampleCutter
from effmeter.probes.base import Failure

_CHUNK_BYTES = 65536
_QUEUE_SAMPLES = 1024
_EXIT_TIMEOUT_S = 1.0
_CLOSE_TIMEOUT_S = 5.0


class _StreamError(Exception):
    """The process gives no samples any more, and why."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How often it samples, and how long it is waited for."""

    interval_s: float = 0.2
    patience_s: float = 5.0
    """Silent for longer, it counts as hung."""
    restart_pause_s: float = 5.0
    rest_after_s: float = 30.0
    """Without a read for this long it is ended, until the next read."""


class Counts(NamedTuple):
    """What the counters show at the end of a sample (mJ)."""

    time_ns: int
    """When the sample was whole here: its end, and the little that printing took."""
    counts_mj: Mapping[str, int | Failure]


class PowermetricsProcess:
    """Runs ``command`` and keeps what its samples add up to."""

    def __init__(self, command: Sequence[str], clock: Clock, timing: Timing) -> None:
        self._command = list(command)
        self._clock = clock
        self._timing = timing
        self._counts: deque[Counts] = deque(maxlen=_QUEUE_SAMPLES)
        self._totals = EnergyTotals(base_mj=clock.now_ns())
        self._heard = threading.Event()
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._read_ns = self._newest_ns = clock.now_ns()
        self._wake_read, self._wake_write = os.pipe()
        self.failure: Failure | None = None
        """Why there is no sample now; None while all is well."""
        self._wanted.set()
        self._thread = threading.Thread(target=self._run, name="powermetrics", daemon=True)
        self._thread.start()

    def wait_until_heard(self, timeout_s: float) -> bool:
        """Wait for the first sample or failure; whether there was one."""
        return self._heard.wait(timeout_s)

    def take(self) -> list[Counts]:
        """The samples since the last call, oldest first; never waits."""
        self._read_ns = self._clock.now_ns()
        self._wanted.set()
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._counts.popleft())
        return taken

    def close(self) -> None:
        """End the process and the thread."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wanted.set()
        os.write(self._wake_write, b"x")
        self._thread.join(_CLOSE_TIMEOUT_S)
        if not self._thread.is_alive():
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wanted.wait()
            reason: str | None
            try:
                reason = self._follow_one()
            except Exception as error:  # a thread that ended unseen would look like no energy
                reason = f"powermetrics cannot be followed: {type(error).__name__}: {error}"
            self._totals.break_off()
            if reason is not None:
                self.failure = Failure(reason)
                self._heard.set()
                self._closing.wait(self._timing.restart_pause_s)

    def _follow_one(self) -> str | None:
        """Run one process to its end; why it ended, or None if it was ended here."""
        with tempfile.TemporaryFile() as complaints:
            try:
                process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                )
            except OSError as error:
                return f"{self._command[0]} cannot be started: {error.strerror}"
            with process:
                try:
                    if self._follow(process):
                        return _ending(process, complaints)
                except _StreamError as error:
                    return str(error)
                finally:
                    # What sudo started cannot be killed: it ends as its output is closed.
                    with contextlib.suppress(PermissionError):
                        process.kill()
        return None

    def _follow(self, process: subprocess.Popen[bytes]) -> bool:
        """Take samples until the process ends; False where it shall be ended; _StreamError."""
        assert process.stdout is not None
        source, cutter = process.stdout.fileno(), SampleCutter()
        patience_s = self._timing.patience_s
        silent_since_ns = self._clock.now_ns()
        while True:
            ready, _, _ = select.select([source, self._wake_read], [], [], patience_s)
            now_ns = self._clock.now_ns()
            if self._closing.is_set() or self._is_resting(now_ns):
                return False
            if source in ready:
                arrived = os.read(source, _CHUNK_BYTES)
                if not arrived and cutter.is_amid_sample:
                    raise _StreamError("powermetrics ended amid a sample")
                if not arrived:
                    return True
                samples = cutter.feed(arrived)
                if samples:
                    silent_since_ns = now_ns
                self._take_in(samples, now_ns)
            if (now_ns - silent_since_ns) * 1e-9 >= patience_s:
                raise _StreamError(f"powermetrics printed no sample for {patience_s:g} s")

    def _take_in(self, samples: Sequence[Sample | Failure], now_ns: int) -> None:
        """Count samples that arrived together: the last ended now, each other before the next."""
        ends_ns = [now_ns]
        for sample in reversed(samples[1:]):
            elapsed_ns = 0 if isinstance(sample, Failure) else sample.elapsed_ns
            ends_ns.append(ends_ns[-1] - elapsed_ns)
        for sample, end_ns in zip(samples, reversed(ends_ns), strict=False):
            self._newest_ns = max(self._newest_ns, end_ns)
            self._counts.append(Counts(self._newest_ns, self._totals.add(sample)))
            self.failure = None
            self._heard.set()

    def _is_resting(self, now_ns: int) -> bool:
        """Whether there was no read for long; the next one starts it again."""
        # Before the first sample there is nothing to read, and whoever started it waits for one.
        unread_s = (now_ns - self._read_ns) * 1e-9
        if unread_s < self._timing.rest_after_s or not self._heard.is_set():
            return False
        self._wanted.clear()
        self._counts.clear()
        return True


def _ending(process: subprocess.Popen[bytes], complaints: IO[bytes]) -> str:
    """How the process ended, with the last line that it complained."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_EXIT_TIMEOUT_S)
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").strip().splitlines()
    ended = f"powermetrics ended (status {process.returncode})"
    return f"{ended}: {lines[-1]}" if lines else ended
