"""Counters of a run that stand still, and the channels that count in their place."""

from collections.abc import Iterator, Sequence

from effmeter.channel import Channel, Provenance
from effmeter.cover import lineage
from effmeter.energy.standstill import Stretch
from effmeter.recorded.breakdown import Breakdown
from effmeter.recorded.run import RecordedRun
from effmeter.units import format_duration


def standstill_lines(run: RecordedRun, whole: Breakdown) -> Iterator[str]:
    """One line for each counter that stands still in a window and matters to its total."""
    for seen in whole.channels:
        stood = _within(run.standing(seen.channel.name), whole)
        others = ", ".join(stand_ins(seen.channel, whole))
        if not stood or not (others or seen.left_out is None):
            continue
        instead = f"{others} counts instead" if others else "its energy there is bounded"
        reason = f"{stood[0].reason}{_when(stood, whole)}"
        yield f"{seen.channel.name}: {reason}; {instead}"


def stand_ins(channel: Channel, whole: Breakdown) -> list[str]:
    """The channels of a cover that count where a channel shows nothing."""
    described = {seen.channel.name: seen.channel for seen in whole.channels}
    return [
        other.name
        for other in whole.cover.channels
        if channel.name in lineage(other, described)[1:]
        or (other.provenance is Provenance.ESTIMATED and other.component is channel.component)
        if other.name != channel.name and channel.provenance is not Provenance.ESTIMATED
    ]


def _within(stretches: Sequence[Stretch], whole: Breakdown) -> list[Stretch]:
    begin_ns, end_ns = whole.begin_ns, whole.end_ns
    clipped = (
        Stretch(max(s.begin_ns, begin_ns), min(s.end_ns, end_ns), s.reason) for s in stretches
    )
    return [stretch for stretch in clipped if stretch.begin_ns < stretch.end_ns]


def _when(stood: Sequence[Stretch], whole: Breakdown) -> str:
    """When a counter stood still: `` from 4 s on``; empty where it did all the time."""
    begin_ns, end_ns, _ = stood[0]
    begin, end = (format_duration((ns - whole.begin_ns) * 1e-9) for ns in (begin_ns, end_ns))
    if len(stood) > 1:
        return f", {len(stood)} times, at first from {begin} to {end}"
    if end_ns < whole.end_ns:
        return f" from {begin} to {end}"
    return f" from {begin} on" if begin_ns > whole.begin_ns else ""
