"""What a reader must know before trusting a run's figures, one line each."""

from collections.abc import Iterable

from effmeter.analysis.efficiency import Efficiency
from effmeter.analysis.metrics import logged_names, unclear_names
from effmeter.analysis.overtraining import overtraining_of
from effmeter.channel import Channel, Kind
from effmeter.cover import UNSEEN, VISIBILITY_UNKNOWN, lineage
from effmeter.energy import Energy
from effmeter.energy.part_time import looks_part_time
from effmeter.recorded.breakdown import Breakdown, ChannelEnergy
from effmeter.recorded.recording import INTERRUPTED, RECORDING
from effmeter.recorded.records import Contention, NoteName
from effmeter.recorded.run import RecordedRun
from effmeter.units import format_duration, format_energy

NOTICED_UNREAD_FRACTION = 0.02
_NOBODY = Contention(0, None, 0, "")
_NOTED = {NoteName.WARNING: "", NoteName.RECORDER: "recorder: "}


def cautions(
    run: RecordedRun, whole: Breakdown, judged: Efficiency | None, metric: str | None
) -> Iterable[str]:
    """The lines of one run; none where there is nothing to beware of."""
    yield from _ending(run)
    yield from _coverage(whole)
    yield from _part_time_gauges(whole)
    yield from _disagreements(whole)
    yield from _learning(run, judged, metric)
    yield from _recording(run)
    yield from _surroundings(run, whole)


def _ending(run: RecordedRun) -> Iterable[str]:
    if run.status == RECORDING:
        yield "still recording: the figures are of what is written so far"
    elif run.status == INTERRUPTED:
        yield "interrupted: the figures are of what was written until then"
    open_epochs = [epoch.number for epoch in run.lead_epochs if epoch.open]
    if open_epochs and run.status != RECORDING:
        yield f"epoch {open_epochs[-1]} did not end"


def _coverage(whole: Breakdown) -> Iterable[str]:
    if whole.cover.estimated:
        yield f"estimated, not measured: {', '.join(whole.cover.estimated)}"
    if whole.total is None:
        yield "no energy: nothing was read in this run"
    for missing in whole.missing:
        reason = f" ({missing.reason})" if missing.reason else ""
        yield f"without {missing.what}{reason}"
    unseen = [name for name, reason in whole.cover.left_out if reason == UNSEEN]
    if unseen:
        yield f"recorded, but in no total: {', '.join(unseen)}: {UNSEEN}"
    window_s = (whole.end_ns - whole.begin_ns) * 1e-9
    for seen in whole.channels:
        if seen.left_out is None and seen.unread_s > max(1.0, NOTICED_UNREAD_FRACTION * window_s):
            unread = f"{format_duration(seen.unread_s)} of {format_duration(window_s)}"
            yield f"{seen.channel.name} was not read for {unread}: bounded there, not measured"


def _part_time_gauges(whole: Breakdown) -> Iterable[str]:
    """Gauges that a total rests on and that cannot tell all loads apart."""
    for channel in whole.cover.channels:
        if looks_part_time(channel):
            seen = f"looks {100 * channel.window_s / channel.refresh_s:.0f} % of the time"
            why = "its interval is wide where a load may swing unseen"
            yield f"{channel.name} {seen if channel.window_s else 'shows single moments'}: {why}"


def _disagreements(whole: Breakdown) -> Iterable[str]:
    """A gauge and the counter of the same device that do not tell the same."""
    for gauge in whole.channels:
        counter = _counter_of(gauge.channel, whole)
        if counter is None or gauge.energy is None or counter.energy is None:
            continue
        if not _overlap(gauge.energy, counter.energy):
            yield _disagreement(gauge, counter)


def _counter_of(gauge: Channel, whole: Breakdown) -> ChannelEnergy | None:
    """The counter of the same device that contains a gauge."""
    known = {seen.channel.name: seen for seen in whole.channels}
    outer = lineage(gauge, {name: seen.channel for name, seen in known.items()})[1:]
    containers = (known[name] for name in outer if name in known)
    return next((c for c in containers if _same_quantity(gauge, c.channel)), None)


def _same_quantity(gauge: Channel, counter: Channel) -> bool:
    kinds = (gauge.kind, counter.kind)
    same = (gauge.component, gauge.device) == (counter.component, counter.device)
    return kinds == (Kind.GAUGE, Kind.COUNTER) and same


def _overlap(one: Energy, other: Energy) -> bool:
    low_j = max(e.low_j - e.systematic_j for e in (one, other))
    return low_j <= min(e.high_j + e.systematic_j for e in (one, other))


def _disagreement(gauge: ChannelEnergy, counter: ChannelEnergy) -> str:
    assert gauge.energy is not None
    assert counter.energy is not None
    shown = f"{gauge.channel.name} {format_energy(gauge.energy.value_j)}"
    counted = f"{counter.channel.name} {format_energy(counter.energy.value_j)}"
    return f"gauge and counter disagree: {shown}, {counted}"


def _learning(run: RecordedRun, judged: Efficiency | None, metric: str | None) -> Iterable[str]:
    programs = {(epoch.source, epoch.root) for epoch in run.epochs}
    ranks = {s.rank for s in run.sources if (s.id, s.root) in programs}
    if len(programs) > len(ranks | {None}) or (len(programs) > 1 and None in ranks):
        yield f"{len(programs)} programs logged epochs: metrics and Eq 2 are of the first"
    names = logged_names(run)
    if metric is not None and metric not in names:
        yield f"no metric {metric!r}: it logged {', '.join(names) or 'none'}"
    elif judged is None and run.lead_epochs:
        why = "no epoch has both a metric that should rise and a known energy"
        yield f"no Eq 2: {why}"
    unclear = unclear_names(run)
    if unclear:
        names_them = ", ".join(unclear)
        yield f"no best {names_them}: the name does not say whether less or more of it is better"
    verdict = None if judged is None else overtraining_of(run, judged.metric)
    if verdict is not None and verdict.is_overtrained:
        yield f"Eq 2 at the end is of a model {verdict}"


def _recording(run: RecordedRun) -> Iterable[str]:
    yield from run.warnings
    for note in run.notes:
        if note.name in _NOTED:
            yield f"{_NOTED[NoteName(note.name)]}{note.text}"
        elif note.name == NoteName.DROPPED_ROWS and note.value:
            yield f"{round(note.value)} rows could not be written and are lost"
    if run.dropped_marks:
        yield f"{run.dropped_marks} marks were dropped: epochs or metrics may be missing"
    for probe, count in run.missed_deadlines.items():
        yield f"{probe}: {count} readings came too late for their schedule"


def _surroundings(run: RecordedRun, whole: Breakdown) -> Iterable[str]:
    told = (s.program for s in run.sources if isinstance(s.program, dict))
    for reason in dict.fromkeys(p.get(VISIBILITY_UNKNOWN) for p in told):
        if reason:
            yield f"all GPUs are counted, though the program cannot see all: {reason}"
    for suspend in run.suspends:
        yield f"the machine slept for {format_duration(suspend.asleep_s)} during the run"
    for step in run.wall_steps:
        yield f"the wall clock was set by {step.step_s:+.1f} s during the run"
    yield from _others(run, whole)


def _others(run: RecordedRun, whole: Breakdown) -> Iterable[str]:
    """Other processes on the devices that a total counts, at their most."""
    uncounted = {name for name, reason in whole.cover.left_out if reason == UNSEEN}
    most: dict[str | None, Contention] = {}
    for seen in run.contentions:
        if seen.processes > most.get(seen.channel, _NOBODY).processes:
            most[seen.channel] = seen
    for channel, seen in most.items():
        which = f" ({seen.text})" if channel is None and seen.text else ""
        if channel not in uncounted:
            device = "the processors were" if channel is None else f"{channel} was"
            yield f"{device} shared with up to {seen.processes} other processes{which}"
