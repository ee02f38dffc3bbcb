"""All samplers of the machine, and the recordings that their readings fan out to.

The hardware is sampled once, as fast as the fastest recording asks; each recording takes what
it asked for.
"""

from collections.abc import Callable, Iterable, Iterator

from effmeter.clock import Clock
from effmeter.probes.base import Discovery, Failure, Reading
from effmeter.recorder.observers import machine, memory
from effmeter.recorder.observers.observer import PeriodicObserver
from effmeter.recorder.recording import Recording
from effmeter.recorder.sampling.ingest import ChannelTracker, Item
from effmeter.recorder.sampling.sampler import Sampler

HUNG_AFTER_NS = 2_000_000_000


class SamplerPool:
    """Samples while anything records, and rests otherwise."""

    def __init__(self, discovery: Discovery, clock: Clock, on_extra: Callable[[], None]) -> None:
        self._discovery = discovery
        self._clock = clock
        probes = discovery.probes
        self._samplers = [Sampler(probe, clock, on_extra) for probe in probes]
        seen = machine.MachineObserver(machine.MachineSources(machine.devices_of(probes)), clock)
        used = memory.MemoryObserver(lambda: self._roots, memory.memory_of(probes), clock)
        self._machine = PeriodicObserver("observe-machine", seen.look, machine.PACE)
        self._memory = PeriodicObserver("observe-memory", used.look, memory.PACE)
        self._roots: set[int] = set()
        self._tracker = ChannelTracker()
        self._missed_before: dict[str, int] = {}
        self.recordings: dict[str, Recording] = {}

    def start(self) -> None:
        """Start the samplers, at rest."""
        for sampler in self._samplers:
            sampler.start()
        for watch in (self._machine, self._memory):
            watch.start()

    def stop(self) -> None:
        """End the samplers and close their probes."""
        for watch in (self._machine, self._memory):
            watch.stop()
        for sampler in self._samplers:
            sampler.stop()

    def add(self, token: str, recording: Recording) -> None:
        """Begin to feed a recording."""
        if not self.recordings:
            self._begin_afresh()
        self.recordings[token] = recording
        recording.take(self._tracker.failing, self._tracker.started)
        self._adjust_rate()

    def remove(self, token: str) -> None:
        """Feed a recording no longer."""
        del self.recordings[token]
        self._adjust_rate()
        if not self.recordings:
            for watch in (self._machine, self._memory):
                watch.rest()

    def missed_deadlines(self) -> Iterator[tuple[str, int]]:
        """Per probe, how many deadlines were missed since sampling began."""
        for sampler in self._samplers:
            name = sampler.probe.name
            missed = sampler.missed_deadlines - self._missed_before.get(name, 0)
            if missed:
                yield name, missed

    def look_around(self) -> None:
        """Look in a moment who uses the machine and its memory: a program has joined."""
        self._roots = {pid for recording in self.recordings.values() for pid in recording.roots}
        for watch in (self._machine, self._memory):
            watch.look_soon()

    def request_reading(self) -> None:
        """Ask every sampler for an extra reading."""
        for sampler in self._samplers:
            sampler.request()

    @property
    def is_quiet(self) -> bool:
        """Whether every reading that was asked for is in; a hung sensor is not waited for."""
        return all(s.is_quiet or any(True for _ in self._hung(s)) for s in self._samplers)

    def pump(self) -> None:
        """Take in what has been read and hand it on."""
        for sampler in self._samplers:
            readings = sampler.take()
            self._tracker.describe(sampler.probe.channels)  # after: they name no later channel
            self._distribute(self._tracker.take([*readings, *self._hung(sampler)]))
        for snapshot in self._machine.take():
            for recording in self.recordings.values():
                recording.look_around(snapshot)
        for used in self._memory.take():
            for recording in self.recordings.values():
                recording.look_at_memory(used)

    def _begin_afresh(self) -> None:
        """Readings from before a rest tell nothing of what follows it."""
        for sampler in self._samplers:
            sampler.take()
            self._missed_before[sampler.probe.name] = sampler.missed_deadlines
        self._tracker = ChannelTracker(self._discovery.channels)

    def _hung(self, sampler: Sampler) -> Iterable[Reading]:
        since_ns = sampler.reading_since_ns
        if since_ns is None or self._clock.now_ns() - since_ns < HUNG_AFTER_NS:
            return []
        failure = Failure("the sensor does not answer")
        return [Reading(c.name, since_ns, since_ns, failure) for c in sampler.probe.channels]

    def _distribute(self, items: Iterable[Item]) -> None:
        items = list(items)
        if items:
            for recording in self.recordings.values():
                recording.take(items, self._tracker.started)

    def _adjust_rate(self) -> None:
        wanted_s = min((r.period_s for r in self.recordings.values()), default=None)
        for sampler in self._samplers:
            sampler.set_period(wanted_s)
        for recording in self.recordings.values():
            recording.downsample(wanted_s is not None and recording.period_s > wanted_s)
