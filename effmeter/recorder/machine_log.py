"""The machine's log: the daemon records the machine itself, a file for each period.

Files overlap. The next one is begun some seconds before the boundary, and the one before is ended
some seconds after it, so that both hold the readings on both sides. Both state the same moment as
the end of the one and the beginning of the other: their energies add up to the whole.
"""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from effmeter.clock import Clock
from effmeter.probes.base import Discovery
from effmeter.recorder.calibrations import Calibrations
from effmeter.recorder.inventory import describe_run
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_recording import MachineRecording
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.recordings import Recordings
from effmeter.runfile.format import LOG_KEY
from effmeter.runfile.writer import RunWriter
from effmeter.units import format_duration

OVERLAP_S = 5.0
"""How long two files go on together on each side of a boundary, at least."""
RETRY_NS = 60_000_000_000
"""How long after a failure the next file is tried."""
_DRIFT_NS = 60_000_000_000
"""A file never ends sooner after its beginning: its boundary moves with the wall clock."""
GAP_NOTED_NS = 10_000_000_000
"""A pause of the log that is worth a word."""


@dataclass(frozen=True, slots=True)
class LogPlan:
    """What the administrator asks of the log."""

    folder: Path
    rotate_s: float = 86_400.0
    """A file for each of these, at whole multiples of it since 1970 (UTC)."""
    rate_hz: float = 10.0
    calibrations: Mapping[str, str] = field(default_factory=dict)
    """Of the machine's sensors, as JSON."""
    housekeeping: Sequence[str] = ()
    """The command that thins and removes old files; run at the start and after each boundary."""


@dataclass(slots=True)
class _File:
    """One file of the log."""

    token: str
    name: str
    recording: MachineRecording
    begin_ns: int
    """When its block begins (run clock)."""
    end_ns: int
    """When its period is over."""
    has_begun: bool = False


class MachineLog:
    """Keeps the log. All calls come from the recorder's loop.

    ``end`` ends a recording; ``on_file_end`` is called in a writer's thread, with the token and
    the failure or None; ``say`` prints a line for the administrator.
    """

    def __init__(
        self,
        plan: LogPlan,
        folder: LogFolder,
        recordings: Recordings,
        discovery: Callable[[], Discovery],
        policy: ServicePolicy,
        clock: Clock,
        end: Callable[[str, str], None],
        on_file_end: Callable[[str, str | None], None],
        say: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._recordings = recordings
        self._discovery = discovery
        self._policy = policy
        self._clock = clock
        self._end = end
        self._on_file_end = on_file_end
        self._say = say
        self._current: _File | None = None
        self._next: _File | None = None
        self._retry_ns = 0
        self._failure: str | None = None
        self._has_looked_back = False
        self._is_stopped = False
        self._housekeeping: subprocess.Popen[bytes] | None = None
        self._is_tidy = False
        self._log_ended_wall_ns = folder.newest_wall_ns()

    def keep(self) -> None:
        """Do what is due: begin a file, pass a boundary, tidy up. Cheap where nothing is."""
        if self._is_stopped:
            return
        now_ns = self._clock.now_ns()
        if self._current is None:
            if now_ns >= self._retry_ns:
                self._current = self._begin(now_ns, now_ns)
        else:
            self._rotate(self._current, now_ns)
        for file in (self._current, self._next):
            if file is not None and not file.has_begun and now_ns >= file.begin_ns:
                file.has_begun = True
                file.recording.begin_block(file.begin_ns)
        self._tidy()

    def stop(self) -> None:
        """End the files now: the recorder stops."""
        self._is_stopped = True
        now_ns = self._clock.now_ns()
        current, following = self._current, self._next
        self._current = self._next = None
        if self._housekeeping is not None:
            self._housekeeping.terminate()
        if following is not None and not following.has_begun:
            self._finish(following, now_ns)
            self._folder.remove(following.name)
            following = None
        if current is not None:
            self._finish(current, now_ns if following is None else following.begin_ns)
        if following is not None:
            self._finish(following, now_ns)

    def note_ended(self, token: str, why: str | None) -> None:
        """Take in that a file is closed: by a failure, where it was not ended."""
        if why is None:
            return
        for file in (self._current, self._next):
            if file is not None and file.token == token:
                self._fail(f"{file.name}: {why}")
        if self._current is not None and self._current.token == token:
            self._current, self._next = self._next, None
        elif self._next is not None and self._next.token == token:
            self._next = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """The state of the log, for ``effmeter daemon status``."""
        return {
            "folder": str(self._folder.path),
            "file": None if self._current is None else self._current.name,
            "rotate_s": self._plan.rotate_s,
            "rate_hz": self._plan.rate_hz,
            "failure": self._failure,
        }

    # Files

    def _rotate(self, current: _File, now_ns: int) -> None:
        overlap_ns = self._overlap_ns
        if self._next is None:
            # The wall clock drifts, and can be set.
            current.end_ns = self._boundary_after_ns(current.begin_ns)
            if now_ns < current.end_ns - overlap_ns or now_ns < self._retry_ns:
                return
            # After a suspend or a late look the boundary moves: readings stand before it as well.
            is_late = now_ns > current.end_ns - overlap_ns // 2
            boundary_ns = now_ns + overlap_ns if is_late else current.end_ns
            self._next = self._begin(now_ns, boundary_ns)
            if self._next is not None:
                current.end_ns = boundary_ns
            elif now_ns >= current.end_ns:
                self._finish(current, now_ns)
                self._current = None
        elif now_ns >= current.end_ns + overlap_ns:
            self._finish(current, current.end_ns)
            self._current, self._next = self._next, None
            self._is_tidy = False

    def _begin(self, now_ns: int, begin_ns: int) -> _File | None:
        """Begin a file whose block begins at a moment; None where that fails, which is said."""
        begin_wall_ns = self._wall_ns(begin_ns)
        host = socket.gethostname()
        try:
            name, descriptor = self._folder.create(host, begin_wall_ns)
        except OSError as error:
            self._fail(error.strerror or str(error))
            return None
        token = secrets.token_hex(8)
        day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(begin_wall_ns // 10**9))
        described = self._described(f"{host} {day.removesuffix(' 00:00')}", host)
        calibrations = Calibrations.of(described)
        rate_hz = self._plan.rate_hz
        metadata = describe_run(described, self._discovery(), self._policy, rate_hz, self._clock)
        metadata = replace(metadata, sampling={**metadata.sampling, LOG_KEY: True})
        writer = RunWriter(descriptor, metadata, lambda why: self._on_file_end(token, why))
        recording = MachineRecording(
            metadata, writer, self._clock, 1 / rate_hz, os.getuid(), calibrations=calibrations
        )
        recording.add_machine(described)
        self._recordings.add(token, recording)
        self._look_back(recording)
        self._failure = None
        return _File(token, name, recording, begin_ns, self._boundary_after_ns(begin_ns))

    def _finish(self, file: _File, ended_ns: int) -> None:
        if file.token in self._recordings.active:
            file.recording.end_block(ended_ns)
            self._end(file.token, file.recording.status)

    def _fail(self, why: str) -> None:
        self._retry_ns = self._clock.now_ns() + RETRY_NS
        if why != self._failure:
            folder, again = self._folder.path, format_duration(RETRY_NS * 1e-9)
            self._say(f"the log cannot be written in {folder}: {why}; tried again every {again}")
        self._failure = why

    def _described(self, name: str, host: str) -> dict[str, Any]:
        return {
            "run_id": secrets.token_hex(8),
            "name": name,
            "part": 1,
            "labels": {},
            "host": host,
            "program": {},
            "versions": {},
            "calibrations": dict(self._plan.calibrations),
        }

    def _look_back(self, recording: MachineRecording) -> None:
        """Say once how long nothing was recorded before this daemon began."""
        if self._has_looked_back:
            return
        self._has_looked_back = True
        newest_ns = self._log_ended_wall_ns
        if newest_ns is None:
            return
        paused_ns = self._clock.anchor().wall_ns - newest_ns
        if paused_ns > GAP_NOTED_NS:
            paused = format_duration(paused_ns * 1e-9)
            recording.warn(f"the log has a gap before this file: nothing was recorded for {paused}")
            self._say(f"the log in {self._folder.path} goes on after a gap of {paused}")

    # Time

    @property
    def _overlap_ns(self) -> int:
        """Long enough for two readings of the slowest sensor, and a small part of a period."""
        slowest_s = max((p.period_s for p in self._discovery().probes), default=0.0)
        overlap_s = max(OVERLAP_S, 2.5 * max(slowest_s, 1 / self._plan.rate_hz))
        return round(min(overlap_s, self._plan.rotate_s / 4) * 1e9)

    def _wall_ns(self, time_ns: int) -> int:
        anchor = self._clock.anchor()
        return time_ns + anchor.wall_ns - anchor.time_ns

    def _boundary_after_ns(self, begin_ns: int) -> int:
        """The first whole boundary of the wall clock well after a moment, on the run clock."""
        period_ns = round(self._plan.rotate_s * 1e9)
        earliest_ns = begin_ns + min(_DRIFT_NS, period_ns // 4)
        return earliest_ns + period_ns - self._wall_ns(earliest_ns) % period_ns

    # Old files

    def _tidy(self) -> None:
        """Start the command that looks after old files, where that is due."""
        running = self._housekeeping
        if running is not None:
            if running.poll() is None:
                return
            self._housekeeping = None
            if running.returncode:
                self._say(f"old files of the log were not thinned: status {running.returncode}")
        if self._plan.housekeeping and not self._is_tidy:
            self._is_tidy = True
            try:
                self._housekeeping = subprocess.Popen(
                    self._plan.housekeeping, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
                )
            except OSError as error:
                self._say(f"old files of the log were not thinned: {error.strerror}")
