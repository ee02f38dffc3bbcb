"""What a reader must know before trusting a run's figures, one line each."""

from collections.abc import Iterator, Sequence

from effmeter.analysis.efficiency import Efficiency
from effmeter.analysis.machine_time import listed, overlap_lines
from effmeter.analysis.metrics import Modes, logged_names, unclear_names
from effmeter.analysis.overtraining import overtraining_of
from effmeter.analysis.repeated_meters import repeated_among
from effmeter.analysis.standstills import stand_ins, standstill_lines
from effmeter.channel import Kind
from effmeter.cover import DEVICE_CAUTIONS, UNSEEN, VISIBILITY_UNKNOWN
from effmeter.energy.part_time import looks_part_time
from effmeter.recorded.breakdown import Breakdown, ChannelEnergy
from effmeter.recorded.records import Contention, NoteName
from effmeter.recorded.run import RecordedRun
from effmeter.status import Status
from effmeter.units import format_duration, format_energy

NOTICED_UNREAD_FRACTION = 0.02
_NOTED = {NoteName.WARNING: "", NoteName.RECORDER: "recorder: "}


def warnings_of(
    run: RecordedRun,
    efficiency: Efficiency | None,
    metric: str | None = None,
    modes: Modes | None = None,
) -> Iterator[str]:
    """The warnings of one run, in the order of the report.

    ``efficiency`` is the run's, of ``metric`` if one was asked for; ``modes`` are those that
    a user gave.
    """
    whole = run.breakdown()
    yield from _ending(run)
    yield from _coverage(whole)
    if not run.is_joint:
        yield from _measuring(run, whole)
    yield from _learning(run, efficiency, metric)
    yield from _unclear(run, modes or {})
    yield from _overtraining(run, efficiency)
    yield from run.warnings
    if run.is_joint:
        yield from _repeated(run)
        yield from _by_host(run)
    else:
        yield from _of_host(run, whole)


def _repeated(run: RecordedRun) -> Iterator[str]:
    """Meters of one host, or of the hosts of a job, whose readings are equal."""
    repeated = repeated_among(run.by_host)
    if repeated is not None:
        yield repeated.caution


def _by_host(run: RecordedRun) -> Iterator[str]:
    """What concerns single hosts of a job: each line once, with its hosts unless it is of all."""
    hosts: dict[str, list[str]] = {}
    for host, part in zip(run.host_names, run.by_host, strict=True):
        whole = part.breakdown()
        found = (*_measuring(part, whole), *part.warnings, *_of_host(part, whole))
        for line in dict.fromkeys(found):
            hosts.setdefault(line, []).append(host)
    for line, named in hosts.items():
        is_of_all = len(named) == len(run.by_host)
        yield line if is_of_all else f"{listed(named)}: {line}"


def _measuring(run: RecordedRun, whole: Breakdown) -> Iterator[str]:
    """What limits the readings of one host."""
    yield from _unread(run, whole)
    yield from _repetitions(whole)
    yield from _repeated(run)
    yield from standstill_lines(run, whole)
    yield from _part_time_gauges(whole)
    yield from _unknown_gains(whole)
    yield from _disagreements(run, whole)


def _of_host(run: RecordedRun, whole: Breakdown) -> Iterator[str]:
    """What else happened on one host in the time of a run."""
    yield from _recording(run)
    yield from _environment(run, whole)
    yield from _beside(run)
    yield from overlap_lines(run.overlaps)


def _ending(run: RecordedRun) -> Iterator[str]:
    if run.status is Status.RECORDING:
        yield "still recording: the figures cover what is written so far"
    elif run.status is Status.INTERRUPTED:
        yield "interrupted: the figures cover what was written until then"
    open_epochs = [epoch.number for epoch in run.lead_epochs if epoch.open]
    if open_epochs and run.status is not Status.RECORDING:
        yield f"epoch {open_epochs[-1]} has no end"


def _coverage(whole: Breakdown) -> Iterator[str]:
    if whole.cover.estimated:
        yield f"estimated, not measured: {', '.join(whole.cover.estimated)}"
    if whole.total is None:
        yield "no energy: no channel was read"
    for missing in whole.missing:
        reason = f" ({missing.reason})" if missing.reason else ""
        yield f"not in the total: {missing.what}{reason}"
    unseen = [name for name, reason in whole.cover.left_out if reason == UNSEEN]
    if unseen:
        yield f"recorded, but not in the total: {', '.join(unseen)}: {UNSEEN}"


def _unread(run: RecordedRun, whole: Breakdown) -> Iterator[str]:
    """Channels that the total counts and that were not read for a while."""
    window_s = (whole.end_ns - whole.begin_ns) * 1e-9
    for seen in whole.channels:
        is_long = seen.unread_s > max(1.0, NOTICED_UNREAD_FRACTION * window_s)
        if seen.left_out is None and is_long and not run.standing(seen.channel.name):
            unread = f"{format_duration(seen.unread_s)} of {format_duration(window_s)}"
            others = ", ".join(stand_ins(seen.channel, whole))
            instead = f"{others} counts instead" if others else "its energy there is bounded"
            yield f"{seen.channel.name} was not read for {unread}: {instead}"


def _repetitions(whole: Breakdown) -> Iterator[str]:
    """Channels of the total that may be one counter under two names."""
    for channel in whole.cover.channels:
        if channel.may_repeat in whole.cover.names:
            same = f"{channel.name} may show the counter of {channel.may_repeat}"
            yield f"{same}, which this machine did not decide: the total has both"


def _part_time_gauges(whole: Breakdown) -> Iterator[str]:
    """Gauges of the total that miss part of a load that changes."""
    for channel in whole.cover.channels:
        if looks_part_time(channel):
            fraction = channel.window_s / channel.refresh_s
            shown = f"averages over {100 * fraction:.0f} % of the time"
            shown = shown if channel.window_s else "shows single moments"
            yield f"{channel.name} {shown}: its interval allows for load that it misses"


def _unknown_gains(whole: Breakdown) -> Iterator[str]:
    """Meters of the total whose own error nobody states."""
    unknown = [channel.name for channel in whole.cover.channels if channel.is_gain_unknown]
    if unknown:
        yield f"the accuracy of {', '.join(unknown)} is not stated: no interval includes it"


def _disagreements(run: RecordedRun, whole: Breakdown) -> Iterator[str]:
    """Sensors of one device that differ by more than both errors."""
    known = {seen.channel.name: seen for seen in whole.channels if seen.energy is not None}
    for name, others in run.disagreeing.items():
        beside = [known[other] for other in others if other in known]
        if name in known and beside:
            yield _disagreement(known[name], beside)


def _disagreement(counted: ChannelEnergy, beside: Sequence[ChannelEnergy]) -> str:
    name = counted.channel.name
    shown = ((seen.channel.name, seen.energy) for seen in (counted, *beside))
    figures = (f"{one} {format_energy(energy.value_j)}" for one, energy in shown if energy)
    text = f"sensors of one device disagree: {', '.join(figures)}"
    if counted.left_out is not None:
        return text
    is_counter = counted.channel.kind is Kind.COUNTER
    is_best = is_counter and all(seen.channel.kind is Kind.GAUGE for seen in beside)
    why = ", because an energy counter misses nothing between readings" if is_best else ""
    held = "both" if len(beside) == 1 else "all"
    return f"{text}; the total counts {name}{why}; its interval holds {held}"


def _learning(run: RecordedRun, judged: Efficiency | None, metric: str | None) -> Iterator[str]:
    programs = {(epoch.source, epoch.root) for epoch in run.epochs}
    ranks = {s.rank for s in run.sources if (s.id, s.root) in programs}
    if len(programs) > len(ranks | {None}) or (len(programs) > 1 and None in ranks):
        yield f"{len(programs)} programs logged epochs: metrics and Eq 2 are those of the first"
    names = logged_names(run)
    if metric is not None and metric not in names:
        yield f"no metric {metric!r}: the run logged {', '.join(names) or 'none'}"
    elif judged is None and run.lead_epochs:
        why = "no epoch has both a metric to judge by and a known energy"
        yield f"no Eq 2: {why}"


def _unclear(run: RecordedRun, modes: Modes) -> Iterator[str]:
    unclear = unclear_names(run, modes)
    if unclear:
        reason = "the name does not say whether less or more of it is better"
        remedy = f"add --metric {unclear[0]}:max or {unclear[0]}:min"
        yield f"no best {', '.join(unclear)}: {reason}; {remedy}"


def _overtraining(run: RecordedRun, judged: Efficiency | None) -> Iterator[str]:
    verdict = None if judged is None else overtraining_of(run, judged.metric)
    if verdict is not None and verdict.is_overtrained:
        yield f"Eq 2 at the end is that of a model {verdict}"


def _recording(run: RecordedRun) -> Iterator[str]:
    for note in run.notes:
        if note.name in _NOTED:
            yield f"{_NOTED[NoteName(note.name)]}{note.text}"
        elif note.name == NoteName.DROPPED_ROWS and note.value:
            yield f"{round(note.value)} rows could not be written and are lost"
    if run.dropped_marks:
        yield f"{run.dropped_marks} marks were dropped: epochs or metrics may be missing"
    for probe, count in run.missed_deadlines.items():
        missed = "reading missed its deadline" if count == 1 else "readings missed their deadlines"
        yield f"{probe}: {count} {missed}"


def _environment(run: RecordedRun, whole: Breakdown) -> Iterator[str]:
    programs = [s.program for s in run.sources if isinstance(s.program, dict)]
    for reason in dict.fromkeys(program.get(VISIBILITY_UNKNOWN) for program in programs):
        if reason:
            yield f"all GPUs are counted, though the program may not use all of them: {reason}"
    cautions = (caution for program in programs for caution in program.get(DEVICE_CAUTIONS) or ())
    yield from dict.fromkeys(cautions)
    for suspend in run.suspends:
        yield f"the machine slept for {format_duration(suspend.asleep_s)} during the run"
    for step in run.wall_steps:
        yield f"the wall clock was set by {step.step_s:+.1f} s during the run"
    yield from _others(run, whole)


def _beside(run: RecordedRun) -> Iterator[str]:
    """Other runs of the recording that ran at the same time, on the same machine."""
    names = [each.name for each in run.runs_beside]
    if names:
        energy = "the energy is the whole machine's, theirs included"
        yield f"ran at the same time as {listed(names)}: {energy}"


def _others(run: RecordedRun, whole: Breakdown) -> Iterator[str]:
    """The largest number of other processes on each device of the total, or that it is unknown."""
    uncounted = {name for name, reason in whole.cover.left_out if reason == UNSEEN}
    counted = [seen for seen in run.contentions if seen.channel not in uncounted]
    most: dict[str | None, Contention] = {}
    for seen in counted:
        known = most.get(seen.channel)
        if seen.processes and (known is None or seen.processes > (known.processes or 0)):
            most[seen.channel] = seen
    for channel, seen in most.items():
        which = f" ({seen.text})" if channel is None and seen.text else ""
        device = "the processors were" if channel is None else f"{channel} was"
        yield f"{device} shared with up to {seen.processes} other processes{which}"
    for channel, text in dict.fromkeys((c.channel, c.text) for c in counted if c.processes is None):
        device = channel or "the processors"
        yield f"unknown whether other processes used {device}: {text or 'not recorded'}"
