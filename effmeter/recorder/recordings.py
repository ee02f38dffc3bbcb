"""The recordings of one recorder, from their first reading to the close of their files.

The hardware is sampled once, as fast as the fastest recording asks; each recording keeps the
readings that it asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from effmeter.clock import Clock
from effmeter.probes.base import Boundary, Discovery, Probe
from effmeter.recorder.observers.surroundings import SurroundingsObserver
from effmeter.recorder.recording import Recording
from effmeter.recorder.sampling.pool import SamplerPool

T = TypeVar("T")


class Recordings:
    """Feeds all recordings; ``on_extra`` is called when an extra reading is in.

    ``note_error`` receives the fault of one recording, which must not reach the others; it says
    whether the fault is new.

    Everything here runs in the recorder's loop, except ``on_extra``: a sampler's thread calls it.
    """

    def __init__(
        self,
        discovery: Discovery,
        clock: Clock,
        on_extra: Callable[[], None],
        note_error: Callable[[Exception], bool],
    ) -> None:
        self._clock = clock
        self._note_error = note_error
        self._pool = SamplerPool(discovery, clock, on_extra)
        self._observer = SurroundingsObserver(
            discovery.probes, clock, discovery.conditions, on_extra
        )
        self._active: dict[str, Recording] = {}
        self._ending: dict[str, Recording] = {}
        self._extra_at_ns: dict[int, int] = {}

    def start(self) -> None:
        """Start the threads, at rest."""
        self._pool.start()
        self._observer.start()

    def stop(self) -> None:
        """End the threads and close the probes."""
        self._observer.stop()
        self._pool.stop()

    def take_in(self, probes: Iterable[Probe]) -> None:
        """Read these probes too, as far as they are new."""
        self._pool.take_in(probes)
        self._observer.take_in(probes)
        self._adjust_rate()

    # Which there are

    @property
    def active(self) -> Mapping[str, Recording]:
        """The recordings that receive readings, by token; some of them may be ending."""
        return self._active

    @property
    def unfinished(self) -> Mapping[str, Recording]:
        """The recordings whose files are open."""
        return {**self._active, **self._ending}

    def get(self, token: str | None) -> Recording | None:
        """The recording that receives readings under a token."""
        return None if token is None else self._active.get(token)

    def is_ending(self, token: str | None) -> bool:
        """Whether a recording only waits for its last readings or for its file."""
        return token in self._ending

    # Their lifetimes

    def add(self, token: str, recording: Recording) -> None:
        """Begin to feed a recording."""
        if not self._active:
            self._pool.restart()
        self._active[token] = recording
        recording.add_items(self._pool.failing, self._pool.started)
        self._adjust_rate()

    def end(self, token: str, status: str) -> None:
        """Close a recording once the readings at its end are in: see ``finish_ending``."""
        if token in self._ending:
            return
        recording = self._active[token]
        _end_sources(recording, status)
        self._ending[token] = recording
        self.request_reading(recording, Boundary.END)
        self._observer.observe_work()

    def finish_ending(self) -> None:
        """Write the last rows of the recordings that end; their readings are in."""
        for token in self._ending:
            recording = self._remove(token)
            if recording is not None:
                self._finish(recording)

    def finish_all(self, status: str) -> None:
        """Write the last rows of all recordings at once, without waiting for readings."""
        for token, recording in list(self._active.items()):
            self._ending[token] = recording
            self._keep_faults(recording, lambda r: _end_sources(r, status))
        self._active.clear()
        for recording in self._ending.values():
            self._finish(recording)

    def _finish(self, recording: Recording) -> None:
        missed = list(self._pool.missed_deadlines())
        if not self._keep_faults(recording, lambda r: r.finish(missed)):
            recording.close_file()

    def forget(self, token: str) -> Recording | None:
        """Drop a recording whose file is closed, at its end or by a failure before."""
        ending = self._ending.pop(token, None)
        return self._remove(token) or ending

    def _remove(self, token: str) -> Recording | None:
        recording = self._active.pop(token, None)
        if recording is not None:
            self._adjust_rate()
            if not self._active:
                self._observer.rest()
        return recording

    def _adjust_rate(self) -> None:
        shortest_s = min((r.period_s for r in self._active.values()), default=None)
        self._pool.set_period(shortest_s)
        for recording in self._active.values():
            recording.downsample(shortest_s is not None and recording.period_s > shortest_s)

    # Their readings

    def request_reading(self, recording: Recording, boundary: Boundary = Boundary.MARK) -> None:
        """Ask for an extra reading; restricted users get them no faster than their rate."""
        now_ns, uid = self._clock.now_ns(), recording.owner_uid
        if recording.cap_hz is not None:
            if now_ns < self._extra_at_ns.get(uid, 0):
                return
            self._extra_at_ns[uid] = now_ns + int(1e9 / recording.cap_hz)
        recording.keep_next_readings()
        self._pool.request_reading(boundary)

    @property
    def is_quiet(self) -> bool:
        """Whether every requested reading is in, and the last look at what is ending."""
        return self._pool.is_quiet and (not self._ending or self._observer.is_quiet)

    def observe_soon(self) -> None:
        """Observe shortly who uses the machine and its memory: a program has joined."""
        roots = (recording.roots for recording in self._active.values())
        self._observer.observe_soon({pid for pids in roots for pid in pids})

    def observe_work(self) -> None:
        """Look at the work of the programs now: a run begins or ends."""
        self._observer.observe_work()

    def pump(self) -> None:
        """Pass on all that has been read and observed since the last call."""
        for items in self._pool.drain():
            started = self._pool.started
            for recording in self._active.values():
                try:  # the most frequent call of the loop
                    recording.add_items(items, started)
                except Exception as error:
                    self._note_fault(recording, error)
        for used in self._observer.drain_machine():
            self._pass_on(lambda r, seen: r.add_contention(seen), used)
        for conditions in self._observer.drain_conditions():
            self._pass_on(lambda r, seen: r.add_conditions(seen), conditions)
        for work in self._observer.drain_work():
            self._pass_on(lambda r, seen: r.add_work(seen), work)
        for memory in self._observer.drain_memory():
            self._pass_on(lambda r, seen: r.add_memory(seen), memory)

    def _pass_on(self, add: Callable[[Recording, T], None], seen: T) -> None:
        for recording in self._active.values():
            self._keep_faults(recording, lambda r: add(r, seen))

    def _keep_faults(self, recording: Recording, act: Callable[[Recording], None]) -> bool:
        """Do something to a recording; whether it succeeded. Its faults reach no other."""
        try:
            act(recording)
        except Exception as error:
            self._note_fault(recording, error)
            return False
        return True

    def _note_fault(self, recording: Recording, error: Exception) -> None:
        if self._note_error(error):
            recording.note_fault(f"{type(error).__name__}: {error}")

    def flush(self, now_ns: int) -> None:
        """Hand due rows to the writers."""
        self._pass_on(lambda r, at_ns: r.flush(at_ns), now_ns)

    def flush_due_ns(self) -> int | None:
        """When the next rows are due at a writer; None while nothing records."""
        return min((r.flush_due_ns for r in self._active.values()), default=None)

    def note_fault(self, what: str) -> None:
        """Note a fault of the recorder in every run that it may have touched."""
        for recording in self._active.values():
            recording.note_fault(what)


def _end_sources(recording: Recording, status: str) -> None:
    for key in list(recording.sources):
        recording.end_source(key, status)
