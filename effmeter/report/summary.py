"""From a run to the contents of its report."""

from collections.abc import Sequence
from datetime import UTC, datetime

from effmeter.analysis.efficiency import Efficiency, EpochEfficiency, efficiency_of
from effmeter.analysis.idle import IdleBaseline, net_energy
from effmeter.analysis.metrics import courses
from effmeter.channel import Channel
from effmeter.energy import Energy
from effmeter.recorded.breakdown import Breakdown, provenances_of, total_over
from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun
from effmeter.report.contents import (
    ChannelFigure,
    ComponentFigure,
    EfficiencyFigure,
    EfficiencyFigures,
    EpochFigure,
    GapFigure,
    MemoryFigure,
    MissingFigure,
    NetFigures,
    RunSummary,
    SourceFigure,
)
from effmeter.report.warnings import cautions


def summarise(
    run: RecordedRun, metric: str | None = None, idle: IdleBaseline | None = None
) -> RunSummary:
    """The figures of a run; Eq 2 is of ``metric``, or of the run's own choice.

    With ``idle``, net energies stand beside gross ones; MeasurementError where it does not fit.
    """
    whole = run.breakdown()
    judged = efficiency_of(run, metric)
    wall_ns = run.metadata.started_wall_ns
    return RunSummary(
        name=run.name,
        run_id=run.metadata.run_id,
        files=tuple(map(str, run.paths)),
        status=str(run.detailed_status),
        stopped_by=None if run.stopped_by is None else str(run.stopped_by),
        host=run.metadata.host.get("name"),
        begin=datetime.fromtimestamp(wall_ns // 10**9, UTC).isoformat(),
        duration_s=run.duration_s,
        labels=run.labels,
        sources=_sources(run),
        epoch_count=sum(not epoch.open for epoch in run.lead_epochs),
        metrics=courses(run.lead_epochs),
        closing_metrics=dict(run.closing_metrics),
        components=tuple(
            _component(part.component, part.energy, part.channels) for part in whole.components
        ),
        total=None
        if whole.total is None
        else _component("total", whole.total, whole.cover.channels),
        net=None if idle is None else _net(run, whole, idle),
        missing=tuple(MissingFigure(m.what, m.reason, m.remedy) for m in whole.missing),
        channels=_channels(whole),
        memory=tuple(
            MemoryFigure(name, use.average_bytes, use.peak_bytes, use.unknown)
            for name, use in sorted(run.memory.items())
        ),
        efficiency=None if judged is None else _efficiency(judged),
        epochs=_epochs(run, judged),
        gaps=tuple(
            GapFigure(
                gap.channel,
                (gap.begin_ns - run.begin_ns) * 1e-9,
                (gap.end_ns - gap.begin_ns) * 1e-9,
                gap.reason,
                gap.hidden_j,
                gap.open,
            )
            for gap in run.gaps
        ),
        suspended_s=sum(suspend.asleep_s for suspend in run.suspends),
        dropped_marks=run.dropped_marks,
        missed_deadlines=run.missed_deadlines,
        cautions=(*cautions(run, whole, judged, metric), *_idle_cautions(idle)),
    )


def _net(run: RecordedRun, whole: Breakdown, idle: IdleBaseline) -> NetFigures | None:
    net = net_energy(run, whole, idle)
    if net is None:
        return None
    parts = (_component(part.component, part.energy, part.channels) for part in net.components)
    total = _component("total", net.total, whole.cover.channels)
    return NetFigures(tuple(parts), total, idle.date, idle.duration_s)


def _idle_cautions(idle: IdleBaseline | None) -> Sequence[str]:
    cautions = () if idle is None else idle.cautions
    return [f"net of a machine that was not idle when it was measured: {c}" for c in cautions]


def _component(component: str, energy: Energy, channels: Sequence[Channel]) -> ComponentFigure:
    provenance = ", ".join(provenances_of(channels))
    return ComponentFigure(component, energy, provenance, tuple(c.name for c in channels))


def _channels(whole: Breakdown) -> tuple[ChannelFigure, ...]:
    return tuple(
        ChannelFigure(
            seen.channel.name,
            seen.channel.component,
            seen.channel.kind,
            seen.channel.provenance,
            seen.energy,
            seen.unread_s,
            seen.left_out,
        )
        for seen in whole.channels
    )


def _sources(run: RecordedRun) -> tuple[SourceFigure, ...]:
    counts: dict[tuple[str | None, int | None], int] = {}
    for epoch in run.epochs:
        key = (epoch.source, epoch.root)
        counts[key] = counts.get(key, 0) + 1
    return tuple(
        SourceFigure(s.id, s.name, s.rank, counts.get((s.id, s.root), 0)) for s in run.sources
    )


def _efficiency(judged: Efficiency) -> EfficiencyFigures:
    best = None if judged.best is None else _point(judged.best)
    return EfficiencyFigures(judged.metric, _point(judged.final), best, judged.cover.names)


def _point(point: EpochEfficiency) -> EfficiencyFigure:
    return EfficiencyFigure(
        point.epoch.number,
        point.metric_value,
        point.energy,
        point.value_per_j,
        point.low_per_j,
        point.high_per_j,
    )


def _epochs(run: RecordedRun, judged: Efficiency | None) -> tuple[EpochFigure, ...]:
    """The lead epochs, over one cover for all of them."""
    if not run.lead_epochs:
        return ()
    first, last = run.lead_epochs[0], run.lead_epochs[-1]
    cover = run.breakdown(first.begin_ns, last.end_ns).cover if judged is None else judged.cover
    points = {} if judged is None else {id(point.epoch): point for point in judged.epochs}

    def figure(epoch: RecordedEpoch) -> EpochFigure:
        point = points.get(id(epoch))
        return EpochFigure(
            epoch.number,
            (epoch.begin_ns - run.begin_ns) * 1e-9,
            (epoch.end_ns - epoch.begin_ns) * 1e-9,
            epoch.open,
            dict(epoch.metrics),
            total_over(run, cover, epoch.begin_ns, epoch.end_ns),
            None if point is None else _point(point),
        )

    return tuple(map(figure, run.lead_epochs))
