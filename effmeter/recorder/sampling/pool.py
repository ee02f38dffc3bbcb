"""All samplers of the machine, and the one stream of items that their readings become."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from effmeter.clock import Clock
from effmeter.probes.base import Boundary, Discovery, Failure, Probe, Reading
from effmeter.recorder.sampling.ingest import ChannelGap, ChannelStart, ChannelTracker, Item
from effmeter.recorder.sampling.sampler import Sampler

HUNG_AFTER_NS = 2_000_000_000


class SamplerPool:
    """Samples at one period for everything that is recorded; rests without a period."""

    def __init__(self, discovery: Discovery, clock: Clock, on_extra: Callable[[], None]) -> None:
        self._clock = clock
        self._on_extra = on_extra
        self._samplers = [Sampler(probe, clock, on_extra) for probe in discovery.probes]
        self._tracker = ChannelTracker()
        self._missed_before: dict[str, int] = {}
        self._forgotten: dict[str, int] = {}
        self._period_s: float | None = None

    def start(self) -> None:
        """Start the samplers, at rest."""
        for sampler in self._samplers:
            sampler.start()

    def stop(self) -> None:
        """End the samplers and close their probes."""
        for sampler in self._samplers:
            sampler.stop()

    def take_in(self, probes: Iterable[Probe]) -> None:
        """Start samplers, at rest, for the probes that have none."""
        known = [sampler.probe for sampler in self._samplers]
        for probe in probes:
            if probe not in known:
                sampler = Sampler(probe, self._clock, self._on_extra)
                self._samplers = [*self._samplers, sampler]
                sampler.start()

    def restart(self) -> None:
        """Forget what was read before a rest: it says nothing about what follows."""
        for sampler in self._samplers:
            sampler.drain()
            self._missed_before[sampler.probe.name] = sampler.missed_deadlines
        self._tracker = ChannelTracker(
            channel for sampler in self._samplers for channel in sampler.probe.channels
        )

    def set_period(self, period_s: float | None) -> None:
        """Sample this often; None: rest."""
        self._period_s = period_s
        for sampler in self._samplers:
            sampler.set_period(period_s)
            self._describe(sampler)

    def request_reading(self, boundary: Boundary = Boundary.MARK) -> None:
        """Ask every sampler for an extra reading."""
        for sampler in self._samplers:
            sampler.request(boundary)

    @property
    def is_quiet(self) -> bool:
        """Whether every requested reading is in; a hung sensor is not waited for."""
        return all(s.is_quiet or self._hung_since_ns(s) is not None for s in self._samplers)

    @property
    def started(self) -> Mapping[str, ChannelStart]:
        """The channels that have been read since the restart, by name."""
        return self._tracker.started

    @property
    def failing(self) -> Iterable[ChannelGap]:
        """The gaps that are open now."""
        return self._tracker.failing

    def missed_deadlines(self) -> Iterator[tuple[str, int]]:
        """Each probe that missed deadlines since the restart, and how many."""
        for sampler in self._samplers:
            name = sampler.probe.name
            missed = sampler.missed_deadlines - self._missed_before.get(name, 0)
            if missed:
                yield name, missed

    def drain(self) -> Iterator[list[Item]]:
        """What each sampler's readings since the last call amount to."""
        for sampler in self._samplers:
            readings = sampler.drain()
            self._note_forgotten(sampler)
            # Described after the readings are taken: they can only name channels that the probe
            # listed before it read them.
            self._describe(sampler)
            items = list(self._tracker.process([*readings, *self._hung(sampler)]))
            if items:
                yield items

    def _describe(self, sampler: Sampler) -> None:
        period_s = math.inf if self._period_s is None else self._period_s
        self._tracker.describe(sampler.probe.channels, max(period_s, sampler.probe.period_s))

    def _note_forgotten(self, sampler: Sampler) -> None:
        """Say so where the queue has dropped readings since the last call."""
        name, forgotten = sampler.probe.name, sampler.forgotten_readings
        if forgotten != self._forgotten.get(name, 0):
            self._forgotten[name] = forgotten
            self._tracker.forget(sampler.probe.channels)

    def _hung_since_ns(self, sampler: Sampler) -> int | None:
        since_ns = sampler.reading_since_ns
        if since_ns is None or self._clock.now_ns() - since_ns < HUNG_AFTER_NS:
            return None
        return since_ns

    def _hung(self, sampler: Sampler) -> Iterable[Reading]:
        """A failure of every channel of a probe whose read does not return."""
        since_ns = self._hung_since_ns(sampler)
        if since_ns is None:
            return []
        failure = Failure("the sensor does not answer")
        return [Reading(c.name, since_ns, since_ns, failure) for c in sampler.probe.channels]
