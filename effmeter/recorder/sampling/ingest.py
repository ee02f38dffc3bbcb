"""Turns raw readings into items for recordings: unwrapped energies and gaps."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from effmeter.channel import Channel, Kind
from effmeter.energy.counter import Counter, CounterLimits, Loss
from effmeter.energy.standstill import (
    NEVER_COUNTED,
    NOT_READ,
    STANDS_STILL,
    StandstillRule,
    StandstillWatch,
    has_never_counted,
    longest_usual_s,
)
from effmeter.probes.base import Failure, Reading
from effmeter.runfile.format import SLOW_READ_NS

FORGOTTEN = "readings were lost: the recorder fell behind"
OUT_OF_LINE = "the sensor gave a value that cannot be right"


class Sample(NamedTuple):
    """One believable reading: joules since the tracker began, or watts."""

    channel: str
    time_ns: int
    energy_j: float | None
    power_w: float | None
    read_s: float | None
    """How long it took to read, where it was slow."""


class ChannelGap(NamedTuple):
    """A stretch in which a channel could not be read; open while ``end_ns`` is null."""

    channel: str
    number: int
    begin_ns: int
    end_ns: int | None
    reason: str
    hidden_j: float | None
    """The most energy it can have hidden, null where that is not known."""


class ChannelStart(NamedTuple):
    """A channel that has been read, and what its counter showed at the first reading."""

    channel: Channel
    absolute_j: float | None
    """Null for gauges."""


Item = Sample | ChannelGap


@dataclass(slots=True)
class _ChannelState:
    """What is known of one channel so far."""

    channel: Channel
    counter: Counter | None
    """Null for gauges."""
    last_read_ns: int | None = None
    gap: ChannelGap | None = None
    """The gap that is open now."""
    watch: StandstillWatch | None = None
    """Null for gauges, and for counters whose device may rest."""
    standstill: ChannelGap | None = None
    """The gap in which the counter stands still now."""
    is_memory_at_zero: bool = False
    """Whether it is memory whose counter has shown nothing but zero."""
    usual_s: float = math.inf
    """Readings further apart than this were interrupted."""
    next_usual_s: float = math.inf
    """The same from the next reading on."""
    has_forgotten: bool = False
    """Whether readings after the last one are lost."""


class ChannelTracker:
    """Follows every channel from reading to reading, independently of recordings."""

    def __init__(self, channels: Iterable[Channel] = ()) -> None:
        self._states: dict[str, _ChannelState] = {}
        self._started: dict[str, ChannelStart] = {}
        self._gaps = 0
        self.describe(channels)

    @property
    def started(self) -> Mapping[str, ChannelStart]:
        """The channels that have been read so far, by name."""
        return self._started

    @property
    def failing(self) -> Iterable[ChannelGap]:
        """The gaps that are open now."""
        open_gaps = ((state.gap, state.standstill) for state in self._states.values())
        return [gap for gaps in open_gaps for gap in gaps if gap is not None]

    @property
    def watched(self) -> Iterable[str]:
        """The counters that would be noticed if they stood still."""
        return [name for name, state in self._states.items() if state.watch is not None]

    def describe(self, channels: Iterable[Channel], period_s: float = math.inf) -> None:
        """Learn of channels before their first reading, and how often they are read."""
        for channel in channels:
            state = self._states.get(channel.name)
            if state is None:
                state = self._states[channel.name] = _state_of(channel)
            usual_s = longest_usual_s(channel, period_s)
            if usual_s != state.next_usual_s:
                # The next reading may have become due at the period before.
                state.usual_s, state.next_usual_s = max(state.next_usual_s, usual_s), usual_s

    def forget(self, channels: Iterable[Channel]) -> None:
        """Readings of these channels were lost before the next ones."""
        for channel in channels:
            state = self._states.get(channel.name)
            if state is not None and state.last_read_ns is not None:
                state.has_forgotten = True

    def process(self, readings: Iterable[Reading]) -> Iterator[Item]:
        """The items that these readings amount to, in order."""
        for name, begin_ns, end_ns, value in readings:
            state = self._states[name]
            if isinstance(value, Failure):
                yield from self._fail(state, begin_ns, value.reason)
                continue
            # The sensor was read at some moment of the call: the midpoint errs least.
            time_ns, took_ns = (begin_ns + end_ns) // 2, end_ns - begin_ns
            if name not in self._started:
                self._started[name] = _start(state, value)
            energy_j = power_w = None
            counter = state.counter
            if counter is None:
                power_w = float(value)
            else:
                energy_j = counter.update(time_ns, int(value))
                if energy_j is None:
                    yield from self._fail(state, begin_ns, OUT_OF_LINE)
                    continue
                if counter.loss is not None:
                    yield self._lose(name, counter.loss)
            if state.gap is not None:
                yield self._recover(state, state.gap, time_ns)
            else:
                yield from self._interrupted(state, time_ns)
            if energy_j is not None:
                yield from self._watch(state, time_ns, energy_j)
            state.last_read_ns, state.usual_s = time_ns, state.next_usual_s
            read_s = took_ns * 1e-9 if took_ns > SLOW_READ_NS else None
            yield Sample(name, time_ns, energy_j, power_w, read_s)

    def _interrupted(self, state: _ChannelState, time_ns: int) -> Iterator[ChannelGap]:
        """The stretch since the last reading, if that was too long ago."""
        last_ns = state.last_read_ns
        if last_ns is None:
            return
        if state.has_forgotten or time_ns - last_ns > state.usual_s * 1e9:
            reason = FORGOTTEN if state.has_forgotten else NOT_READ
            state.has_forgotten = False
            self._gaps += 1
            hidden_j = None if state.counter is None else 0.0
            name = state.channel.name
            yield ChannelGap(name, self._gaps, last_ns, time_ns, reason, hidden_j)

    def _watch(self, state: _ChannelState, time_ns: int, energy_j: float) -> Iterator[ChannelGap]:
        """The gap in which a counter stands still, when it begins and when it ends."""
        absolute_j = self._started[state.channel.name].absolute_j
        if state.last_read_ns is None and has_never_counted(state.channel, absolute_j):
            state.watch = StandstillWatch(StandstillRule.until_it_counts(state.channel))
            state.is_memory_at_zero = True
        if state.watch is None:
            return
        moved = state.watch.update(time_ns, energy_j, state.usual_s)
        if moved is not None and state.standstill is not None:
            hidden_j = 0.0 if moved.has_caught_up or state.is_memory_at_zero else None
            yield state.standstill._replace(end_ns=time_ns, hidden_j=hidden_j)
            state.standstill = None
        elif state.watch.since_ns is not None and state.standstill is None:
            reason = NEVER_COUNTED if state.is_memory_at_zero else STANDS_STILL
            yield self._stop(state, state.watch.since_ns, reason)
        if state.is_memory_at_zero and energy_j > 0:
            state.watch, state.is_memory_at_zero = None, False  # it counts, and may rest

    def _stop(self, state: _ChannelState, since_ns: int, reason: str) -> ChannelGap:
        self._gaps += 1
        name = state.channel.name
        state.standstill = ChannelGap(name, self._gaps, since_ns, None, reason, None)
        return state.standstill

    def _fail(self, state: _ChannelState, time_ns: int, reason: str) -> Iterator[ChannelGap]:
        if state.gap is not None:
            return
        self._gaps += 1
        begin_ns = time_ns if state.last_read_ns is None else state.last_read_ns
        state.gap = ChannelGap(state.channel.name, self._gaps, begin_ns, None, reason, None)
        yield state.gap

    def _recover(self, state: _ChannelState, gap: ChannelGap, time_ns: int) -> ChannelGap:
        """A counter that goes on has counted through the gap; a gauge has not."""
        state.gap = None
        hidden_j = None if state.counter is None else 0.0
        return gap._replace(end_ns=time_ns, hidden_j=hidden_j)

    def _lose(self, name: str, loss: Loss) -> ChannelGap:
        self._gaps += 1
        return ChannelGap(name, self._gaps, loss.begin_ns, loss.end_ns, loss.reason, loss.hidden_j)


def _state_of(channel: Channel) -> _ChannelState:
    counter = Counter(CounterLimits.of(channel)) if channel.kind is Kind.COUNTER else None
    rule = StandstillRule.of(channel)
    watch = None if rule is None else StandstillWatch(rule)
    return _ChannelState(channel, counter, watch=watch)


def _start(state: _ChannelState, value: float) -> ChannelStart:
    absolute_j = None if state.counter is None else value * state.channel.unit_j
    return ChannelStart(state.channel, absolute_j)
