"""From raw readings to what recordings take: unwrapped energy, gaps, new channels."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from effmeter.counters import Counter, CounterLimits, Loss
from effmeter.probes.base import Failure, Reading
from effmeter.schema import SLOW_READ_NS, Channel, Kind

OUT_OF_LINE = "the sensor gave a value that cannot be right"


class Observation(NamedTuple):
    """One believable reading: joules since the intake began, or watts."""

    channel: str
    time_ns: int
    energy_j: float | None
    power_w: float | None
    read_s: float | None
    """How long it took to read, where it was slow."""


class Gap(NamedTuple):
    """A stretch in which a channel could not be read; open while ``end_ns`` is null."""

    channel: str
    number: int
    begin_ns: int
    end_ns: int | None
    reason: str
    hidden_j: float | None
    """The most energy it can have hidden, null where that is not known."""


class Appeared(NamedTuple):
    """A channel gave its first reading; counters with what they then showed."""

    channel: Channel
    time_ns: int
    absolute_j: float | None


Item = Observation | Gap | Appeared


class Intake:
    """Follows every channel from reading to reading; knows nothing of recordings."""

    def __init__(self, channels: Iterable[Channel] = ()) -> None:
        self._described: dict[str, Channel] = {channel.name: channel for channel in channels}
        self._counters: dict[str, Counter] = {}
        self._failing: dict[str, Gap] = {}
        self._last_read_ns: dict[str, int] = {}
        self._appeared: dict[str, Appeared] = {}
        self._gaps = 0

    @property
    def appeared(self) -> Mapping[str, Appeared]:
        """The channels that have been read so far, by name."""
        return self._appeared

    @property
    def failing(self) -> Mapping[str, Gap]:
        """The gaps that are open now, by channel."""
        return self._failing

    def describe(self, channels: Iterable[Channel]) -> None:
        """Learn of channels before their first reading."""
        self._described.update((channel.name, channel) for channel in channels)

    def take(self, readings: Iterable[Reading]) -> Iterator[Item]:
        """What recordings are told of these readings, in order."""
        for reading in readings:
            name, begin_ns, end_ns, value = reading
            if isinstance(value, Failure):
                yield from self._fail(name, begin_ns, value.reason)
                continue
            time_ns = (begin_ns + end_ns) // 2
            channel = self._described[name]
            if name not in self._appeared:
                yield self._appear(channel, time_ns, value)
            energy_j = power_w = None
            if channel.kind is Kind.COUNTER:
                counter = self._counters[name]
                energy_j = counter.update(time_ns, int(value))
                if energy_j is None:
                    yield from self._fail(name, begin_ns, OUT_OF_LINE)
                    continue
                if counter.loss is not None:
                    yield from self._lose(name, counter.loss)
            else:
                power_w = float(value)
            if name in self._failing:
                yield self._recover(name, time_ns)
            self._last_read_ns[name] = time_ns
            slow = end_ns - begin_ns > SLOW_READ_NS
            read_s = (end_ns - begin_ns) * 1e-9 if slow else None
            yield Observation(name, time_ns, energy_j, power_w, read_s)

    def _appear(self, channel: Channel, time_ns: int, value: float) -> Appeared:
        counts = channel.kind is Kind.COUNTER
        if counts:
            self._counters[channel.name] = Counter(CounterLimits.of(channel))
        absolute_j = value * channel.unit_j if counts else None
        appeared = self._appeared[channel.name] = Appeared(channel, time_ns, absolute_j)
        return appeared

    def _fail(self, name: str, time_ns: int, reason: str) -> Iterator[Gap]:
        if name in self._failing:
            return
        self._gaps += 1
        begin_ns = self._last_read_ns.get(name, time_ns)
        gap = Gap(name, self._gaps, begin_ns, None, reason, None)
        self._failing[name] = gap
        yield gap

    def _recover(self, name: str, time_ns: int) -> Gap:
        """A counter that goes on counted through the gap; a gauge saw nothing of it."""
        gap = self._failing.pop(name)
        hidden_j = 0.0 if name in self._counters else None
        return gap._replace(end_ns=time_ns, hidden_j=hidden_j)

    def _lose(self, name: str, loss: Loss) -> Iterator[Gap]:
        self._gaps += 1
        yield Gap(name, self._gaps, loss.begin_ns, loss.end_ns, loss.reason, loss.hidden_j)
