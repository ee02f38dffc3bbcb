"""The readings of one channel, gathered from the files of a run and joined into a trace.

A counter's energy starts at zero in each file. Where a successor took over from a recorder that
died, the absolute counters that both files state bridge the stretch between; what they cannot
tell is a loss with a bound.

A counter is joined with the stamped power values of its device, where the driver keeps them: the
channel that states a ``lag_s`` and the same device and component.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel, Kind
from effmeter.energy import Energy, Trace, trace
from effmeter.energy.counter import Counter, CounterLimits, Loss
from effmeter.energy.shape import Shape
from effmeter.energy.standstill import (
    NOT_READ,
    is_standstill,
    standing_stretches,
    usual_spacing_s,
)
from effmeter.recorded.records import Gap, Readings, Suspend
from effmeter.recorded.timeline import suspends
from effmeter.recorded.unshown import unshown_losses, with_sleep, with_unshown
from effmeter.runfile.format import Event
from effmeter.runfile.part import Part
from effmeter.runfile.row import EventRow
from effmeter.typed_fields import MAX_NUMBER, number, stated_fields

BETWEEN_RECORDERS = "the recorder died; nothing was recorded until its successor began"


_LONGEST_READ_S = 1e6
"""Twelve days: no reading takes longer; one that says so states nothing."""
_RATE = {"rate_hz": number(1e-6, 1e9)}


class _Stretch(NamedTuple):
    """A channel's readings in one file, and what its counter showed at the first (J)."""

    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    read_s: NDArray[np.float64]
    absolute_j: float | None


class Samples(NamedTuple):
    """The readings of a channel as they were taken: (n,) moments, and joules or watts."""

    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]


class ChannelReadings(NamedTuple):
    """A channel's readings in the whole run: its arithmetic, where it was read, what it showed."""

    trace: Trace
    readings: Readings
    samples: Samples

    def bounded_energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy between two moments, which may lie wholly outside the readings.

        There the power beside goes on, and what the device can draw bounds it.
        """
        within = self.trace.energy(begin_ns, end_ns)
        if within is not None or end_ns < begin_ns:
            return within
        first_ns, last_ns = self.readings.begin_ns, self.readings.end_ns
        if end_ns <= first_ns:
            outer = self.trace.energy(begin_ns, first_ns)
            inner = self.trace.energy(end_ns, first_ns)
        else:
            outer = self.trace.energy(last_ns, end_ns)
            inner = self.trace.energy(last_ns, begin_ns)
        return None if outer is None or inner is None else (outer - inner).not_below_zero()


def channel_readings(
    channel: Channel,
    parts: Sequence[Part],
    events: Iterable[EventRow],
    gaps: Iterable[Gap],
    others: Iterable[Channel] = (),
    slept: Sequence[Suspend] | None = None,
) -> ChannelReadings | None:
    """The channel's readings in all files; None where it was never read.

    Args:
        channel: Its description.
        parts: The files.
        events: Their events; those of the channel are enough.
        gaps: The gaps of the run.
        others: The run's channels, among which the course of a counter may be.
        slept: Where the machine slept; by default as the events say.
    """
    absolutes_j = {
        e.part: e.value for e in events if e.event == Event.CHANNEL and e.channel == channel.name
    }
    found = [_stretch(channel, part, absolutes_j.get(i)) for i, part in enumerate(parts)]
    stretches = [stretch for stretch in found if len(stretch.times_ns)]
    if not stretches:
        return None
    values, bridged = _join(channel, stretches)
    times_ns = np.concatenate([s.times_ns for s in stretches])
    read_s = np.concatenate([s.read_s for s in stretches])
    begin_ns, end_ns = int(times_ns[0]), int(times_ns[-1])
    inside = [
        loss
        for before in stretches
        for gap in gaps
        if (loss := _loss(channel, gap, int(before.times_ns[0]), int(before.times_ns[-1])))
    ]
    usual_s = usual_spacing_s(channel, times_ns, _rate_hz(parts[0]))
    standing = standing_stretches(channel, times_ns, values, usual_s, stretches[0].absolute_j)
    moments_ns, shown, asleep_ns = times_ns, values, frozenset[int]()
    if channel.kind is Kind.GAUGE and np.diff(times_ns).max(initial=0) > usual_s * 1e9:
        moments_ns, shown, asleep_ns = with_sleep(
            times_ns, values, suspends(events) if slept is None else slept, usual_s
        )
        read_s = np.zeros(len(moments_ns)) if len(moments_ns) > len(times_ns) else read_s
    unshown = unshown_losses(channel, moments_ns, shown, usual_s, standing, asleep_ns)
    losses = with_unshown([*inside, *bridged], unshown)
    host = str(parts[0].metadata.host.get("name") or "")
    shape = _shape_of(channel, others, parts)
    arithmetic = trace(channel, moments_ns, shown, read_s, losses, host, shape)
    readings = Readings(begin_ns, end_ns, tuple(losses), tuple(standing), usual_s)
    return ChannelReadings(arithmetic, readings, Samples(times_ns, values))


def _shape_of(counter: Channel, others: Iterable[Channel], parts: Sequence[Part]) -> Shape | None:
    """The course of a counter between its readings; None where nothing shows it."""
    gauge = next((other for other in others if other.shows_course_of(counter)), None)
    if gauge is None:
        return None
    stretches = [_stretch(gauge, part, None) for part in parts]
    times_ns = np.concatenate([s.times_ns for s in stretches])
    return Shape(gauge, times_ns, np.concatenate([s.values for s in stretches]))


def _rate_hz(part: Part) -> float | None:
    """The rate that a recording asked for; None where its file does not state it."""
    return stated_fields(part.metadata.sampling, _RATE).get("rate_hz")


def _stretch(channel: Channel, part: Part, absolute_j: float | None) -> _Stretch:
    is_gauge = channel.kind is Kind.GAUGE
    times_ns, values, read_s = part.series(channel.name, "power_w" if is_gauge else "energy_j")
    is_kept = (values >= (0.0 if is_gauge else -MAX_NUMBER)) & (values <= MAX_NUMBER)
    if not is_gauge and is_kept.any():
        # A recorder writes no energy that falls.
        is_kept &= values >= np.maximum.accumulate(np.where(is_kept, values, -np.inf))
    if not is_kept.all():
        times_ns, values, read_s = times_ns[is_kept], values[is_kept], read_s[is_kept]
    read_s = np.where((read_s >= 0) & (read_s <= _LONGEST_READ_S), read_s, 0.0)
    return _Stretch(times_ns, values, read_s, absolute_j)


def _join(
    channel: Channel, stretches: Sequence[_Stretch]
) -> tuple[NDArray[np.float64], list[Loss]]:
    """The values of all stretches as one series, and what is lost between them."""
    values, losses = [stretches[0].values], []
    for before, after in pairwise(stretches):
        if channel.kind is Kind.GAUGE:
            values.append(after.values)
            losses.append(_unknown(channel, before, after))
            continue
        passed_j, loss = _bridge(channel, before, after)
        values.append(after.values - after.values[0] + values[-1][-1] + passed_j)
        if loss is not None:
            losses.append(loss)
    return np.concatenate(values), losses


def _bridge(channel: Channel, before: _Stretch, after: _Stretch) -> tuple[float, Loss | None]:
    """What the counter shows was used between two files (J), and what it may hide."""
    limits = CounterLimits.of(channel)
    if before.absolute_j is not None and after.absolute_j is not None:
        counter = Counter(limits)
        used_j = float(before.values[-1] - before.values[0])
        counter.update(int(before.times_ns[-1]), _raw(limits, before.absolute_j + used_j))
        passed_j = counter.update(int(after.times_ns[0]), _raw(limits, after.absolute_j))
        if passed_j is not None:
            return passed_j, counter.loss
    return 0.0, _unknown(channel, before, after)


def _unknown(channel: Channel, before: _Stretch, after: _Stretch) -> Loss:
    """Between two files nothing is known but what the device can draw."""
    begin_ns, end_ns = int(before.times_ns[-1]), int(after.times_ns[0])
    hidden_j = CounterLimits.of(channel).plausible_j(end_ns - begin_ns)
    return Loss(begin_ns, end_ns, BETWEEN_RECORDERS, hidden_j)


def _raw(limits: CounterLimits, absolute_j: float) -> int:
    units = round(absolute_j / limits.unit_j)
    return units if limits.modulus is None else units % limits.modulus


def _loss(channel: Channel, gap: Gap, begin_ns: int, end_ns: int) -> Loss | None:
    """What a gap inside one file's readings of the channel can hide; None where nothing.

    A gap that is still open at the last reading of a file belongs to what follows it.
    """
    if gap.channel not in (channel.name, None) or gap.begin_ns >= end_ns or gap.end_ns <= begin_ns:
        return None
    if is_standstill(gap.reason) or gap.reason == NOT_READ:
        return None  # judged from the readings: see ``unshown``
    # A counter counts on where a batch is damaged: the readings on both sides tell the energy.
    hides_nothing = gap.hidden_j == 0 or gap.channel is None
    if hides_nothing and channel.kind is Kind.COUNTER:
        return None
    hidden_j = gap.hidden_j
    if hidden_j is None:
        hidden_j = CounterLimits.of(channel).plausible_j(gap.end_ns - gap.begin_ns)
    return Loss(max(begin_ns, gap.begin_ns), min(end_ns, gap.end_ns), gap.reason, hidden_j)
