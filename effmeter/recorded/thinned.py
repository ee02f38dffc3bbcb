"""The periods of a thinned channel, read back."""

from collections.abc import Iterable

import numpy as np

from effmeter.channel import Channel, Kind
from effmeter.energy.counter import CounterLimits, Loss
from effmeter.energy.period_trace import PeriodTrace
from effmeter.energy.standstill import NOT_READ
from effmeter.recorded.readings import ChannelReadings, Samples
from effmeter.recorded.records import Readings
from effmeter.runfile.format import HIGH_SUFFIX, LOW_SUFFIX, Event
from effmeter.runfile.part import Part
from effmeter.runfile.row import EventRow


def thinned_readings(
    channel: Channel, part: Part, events: Iterable[EventRow]
) -> ChannelReadings | None:
    """The periods of a channel; None where there are none."""
    names = (channel.name, channel.name + LOW_SUFFIX, channel.name + HIGH_SUFFIX)
    passed, low, high = (part.series(name, "energy_j") for name in names)
    times_ns = passed.times_ns
    is_whole = np.array_equal(times_ns, low.times_ns) and np.array_equal(times_ns, high.times_ns)
    if len(times_ns) < 2 or not is_whole or (np.diff(times_ns) <= 0).any():
        return None
    passed_j, low_j, high_j = (np.maximum.accumulate(s.values) for s in (passed, low, high))
    host = str(part.metadata.host.get("name") or "")
    trace = PeriodTrace(channel, times_ns, passed_j, low_j, high_j, host)
    losses = [loss for row in events if (loss := _blind(channel, row)) is not None]
    begin_ns, end_ns = int(times_ns[0]), int(times_ns[-1])
    samples = Samples(times_ns, passed_j)
    if channel.kind is Kind.GAUGE:
        samples = Samples(times_ns[1:], np.diff(passed_j) / (np.diff(times_ns) * 1e-9))
    return ChannelReadings(trace, Readings(begin_ns, end_ns, tuple(losses)), samples)


def _blind(channel: Channel, row: EventRow) -> Loss | None:
    """A stretch in which the channel showed nothing."""
    if row.event != Event.BLIND or row.channel != channel.name or not row.duration_s:
        return None
    if row.duration_s < 0:
        return None
    duration_ns = round(row.duration_s * 1e9)
    hidden_j = CounterLimits.of(channel).plausible_j(duration_ns)
    return Loss(row.time_ns, row.time_ns + duration_ns, NOT_READ, hidden_j)
