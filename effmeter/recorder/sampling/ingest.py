"""Turns raw readings into items for recordings: unwrapped energies and gaps."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from effmeter.channel import Channel, Kind
from effmeter.energy.counter import Counter, CounterLimits, Loss
from effmeter.probes.base import Failure, Reading
from effmeter.runfile.format import SLOW_READ_NS

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
        return [state.gap for state in self._states.values() if state.gap is not None]

    def describe(self, channels: Iterable[Channel]) -> None:
        """Learn of channels before their first reading."""
        for channel in channels:
            if channel.name not in self._states:
                counts = channel.kind is Kind.COUNTER
                counter = Counter(CounterLimits.of(channel)) if counts else None
                self._states[channel.name] = _ChannelState(channel, counter)

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
            state.last_read_ns = time_ns
            read_s = took_ns * 1e-9 if took_ns > SLOW_READ_NS else None
            yield Sample(name, time_ns, energy_j, power_w, read_s)

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


def _start(state: _ChannelState, value: float) -> ChannelStart:
    absolute_j = None if state.counter is None else value * state.channel.unit_j
    return ChannelStart(state.channel, absolute_j)
