"""The analysis of a run as nested mappings, as JSON shows it.

Energies are in joules, durations in seconds, beginnings in seconds since the run began.
None stands for what is unknown. ``docs/schemas/report.schema.json`` describes the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from effmeter.analysis.efficiency import Efficiency, EpochEfficiency
from effmeter.analysis.idle import NetEnergy
from effmeter.analysis.machine_energy import union_energy
from effmeter.analysis.metrics import MetricCourse
from effmeter.analysis.run_analysis import RunAnalysis
from effmeter.analysis.whole_machine import WallEnergy
from effmeter.channel import Calibration, Channel
from effmeter.energy import Energy
from effmeter.recorded.breakdown import ChannelEnergy, ComponentEnergy, Missing, provenances_of
from effmeter.recorded.conditions import RecordedCondition
from effmeter.recorded.records import Gap, RecordedEpoch, RecordedSpan
from effmeter.recorded.run import RecordedRun
from effmeter.report.shares_mapping import shares_as_mapping


def run_as_mapping(analysis: RunAnalysis) -> dict[str, Any]:
    """One run with its epochs and spans."""
    run, breakdown = analysis.run, analysis.breakdown
    return {
        "name": run.name,
        "run_id": run.run_id,
        "parent_run_id": run.parent_run_id,
        "runs": [each.run_id for each in run.inner_runs],
        "files": [str(path) for path in run.paths],
        "status": analysis.status,
        "stopped_by": analysis.stopped_by,
        "host": run.metadata.host.get("name"),
        "hosts": [_host(host, part) for host, part in _parts(analysis)],
        "recorders": [asdict(recorder) for recorder in run.recorders],
        "begin": begin_of(run),
        "duration_s": run.duration_s,
        "labels": dict(run.labels),
        "sources": list(_sources(run)),
        "epoch_count": analysis.ended_epochs,
        "metrics": [_metric(course) for course in analysis.metrics],
        "closing_metrics": dict(run.closing_metrics),
        "components": [_component(part) for part in breakdown.components],
        "total": _total(breakdown.total, breakdown.cover.channels),
        "walls": [_wall(wall) for wall in analysis.walls],
        "net": None if analysis.net is None else _net(analysis.net, breakdown.cover.channels),
        "shares": None if analysis.shares is None else shares_as_mapping(analysis.shares),
        "missing": [_missing(missing) for missing in breakdown.missing],
        "channels": [_channel(channel) for channel in breakdown.channels],
        "memory": list(_memory(run)),
        "conditions": [_condition(condition, run) for condition in run.conditions],
        "efficiency": None if analysis.efficiency is None else _efficiency(analysis.efficiency),
        "epochs": [_epoch(epoch, analysis) for epoch in run.lead_epochs],
        "spans": [_span(span, run) for span in run.spans],
        "notes": [{"name": name, "text": text} for name, text in run.program_notes],
        "gaps": [_gap(gap, run) for gap in run.gaps],
        "suspended_s": sum(s.asleep_s for part in run.by_host for s in part.suspends),
        "dropped_marks": run.dropped_marks,
        "missed_deadlines": dict(run.missed_deadlines),
        "warnings": list(analysis.warnings),
    }


def _parts(analysis: RunAnalysis) -> Iterable[tuple[str, RunAnalysis]]:
    """The part of each host that recorded a run."""
    return zip(analysis.run.host_names, analysis.by_host or (analysis,), strict=True)


def _host(name: str, part: RunAnalysis) -> dict[str, Any]:
    return {
        "name": name,
        "files": [str(path) for path in part.run.paths],
        "status": part.status,
        "duration_s": part.run.duration_s,
        "epoch_count": part.ended_epochs,
        "total": _total(part.breakdown.total, part.breakdown.cover.channels),
    }


def total_as_mapping(runs: Sequence[RecordedRun]) -> dict[str, Any] | None:
    """All runs together, each joule counted once; None of no run."""
    if not runs:
        return None
    union = union_energy(runs)
    return {
        "energy": _energy(union.energy),
        "refused": union.refused or None,
        "overlapping": [runs[place].run_id for place in union.overlapping],
        "unknown": [runs[place].run_id for place in union.unknown],
        "missing": list(union.missing),
    }


def begin_of(run: RecordedRun) -> str:
    """When the run began: ISO 8601 in UTC, to the second."""
    begin_ns = run.metadata.started_wall_ns + run.begin_ns - run.metadata.started_time_ns
    return datetime.fromtimestamp(begin_ns // 10**9, UTC).isoformat()


def _energy(energy: Energy | None) -> dict[str, float] | None:
    return None if energy is None else energy.as_mapping()


def _sources(run: RecordedRun) -> Iterable[dict[str, Any]]:
    for part in run.by_host:
        programs = [(epoch.source, epoch.root) for epoch in part.epochs]
        for source in part.sources:
            epochs = programs.count((source.id, source.root))
            yield {"id": source.id, "name": source.name, "rank": source.rank, "epochs": epochs}


def _metric(course: MetricCourse) -> dict[str, Any]:
    return {
        "name": course.name,
        "final": course.final,
        "final_epoch": course.final_epoch,
        "best": course.best,
        "best_epoch": course.best_epoch,
    }


def _component(part: ComponentEnergy) -> dict[str, Any]:
    return _summed(part.component, part.energy, part.channels)


def _total(energy: Energy | None, channels: Sequence[Channel]) -> dict[str, Any] | None:
    return None if energy is None else _summed("total", energy, channels)


def _summed(name: str, energy: Energy, channels: Sequence[Channel]) -> dict[str, Any]:
    return {
        "component": name,
        "energy": energy.as_mapping(),
        "provenance": ", ".join(provenances_of(channels)),
        "channels": [channel.name for channel in channels],
    }


def _wall(wall: WallEnergy) -> dict[str, Any]:
    ratio = wall.total_ratio
    return {
        "channel": wall.channel.name,
        "scope": wall.channel.scope,
        "energy": wall.energy.as_mapping(),
        "total_ratio": None if ratio is None else asdict(ratio),
    }


def _net(net: NetEnergy, channels: Sequence[Channel]) -> dict[str, Any]:
    return {
        "components": [_component(part) for part in net.components],
        "total": _total(net.total, channels),
        "idle_date": net.baseline.date,
        "idle_duration_s": net.baseline.duration_s,
    }


def _missing(missing: Missing) -> dict[str, Any]:
    return {"what": missing.what, "reason": missing.reason, "remedy": missing.remedy}


def _channel(seen: ChannelEnergy) -> dict[str, Any]:
    return {
        "channel": seen.channel.name,
        "component": seen.channel.component,
        "kind": seen.channel.kind,
        "provenance": seen.channel.provenance,
        "calibration": _calibration(seen.channel.calibration),
        "energy": _energy(seen.energy),
        "unread_s": seen.unread_s,
        "counted_s": seen.counted_s,
        "left_out": seen.left_out,
    }


def _calibration(calibration: Calibration | None) -> dict[str, Any] | None:
    return None if calibration is None else asdict(calibration)


def _memory(run: RecordedRun) -> Iterable[dict[str, Any]]:
    for name, use in sorted(run.memory.items()):
        yield {
            "memory": name,
            "average_bytes": use.average_bytes,
            "peak_bytes": use.peak_bytes,
            "unknown": use.unknown,
        }


def _condition(seen: RecordedCondition, run: RecordedRun) -> dict[str, Any]:
    return {
        "device": seen.device,
        "condition": seen.condition,
        "reason": seen.reason,
        "at_start": seen.at_start,
        "at_end": seen.at_end,
        "average": seen.average,
        "lowest": seen.lowest,
        "highest": seen.highest,
        "changed": seen.has_changed,
        "changes": [
            {"at_s": (time_ns - run.begin_ns) * 1e-9, "value": value}
            for time_ns, value in seen.changes
        ],
    }


def _efficiency(efficiency: Efficiency) -> dict[str, Any]:
    best = efficiency.best
    return {
        "metric": efficiency.metric,
        "mode": efficiency.mode,
        "final": _point(efficiency.final),
        "best": None if best is None else _point(best),
        "cover": list(efficiency.cover.names),
    }


def _point(point: EpochEfficiency) -> dict[str, Any]:
    return {
        "epoch": point.epoch.number,
        "metric_value": point.metric_value,
        "energy": point.energy.as_mapping(),
        "value_per_j": point.value_per_j,
        "low_per_j": point.low_per_j,
        "high_per_j": point.high_per_j,
    }


def _epoch(epoch: RecordedEpoch, analysis: RunAnalysis) -> dict[str, Any]:
    point = analysis.epoch_efficiency(epoch)
    return {
        "number": epoch.number,
        **_stretch(epoch, analysis.run),
        "efficiency": None if point is None else _point(point),
    }


def _span(span: RecordedSpan, run: RecordedRun) -> dict[str, Any]:
    return {
        "name": span.name,
        **_stretch(span, run),
        "spans": [_span(child, run) for child in span.children],
    }


def _stretch(stretch: RecordedEpoch | RecordedSpan, run: RecordedRun) -> dict[str, Any]:
    return {
        "begin_s": (stretch.begin_ns - run.begin_ns) * 1e-9,
        "duration_s": (stretch.end_ns - stretch.begin_ns) * 1e-9,
        "open": stretch.open,
        "metrics": dict(stretch.metrics),
        "energy": _energy(stretch.energy),
    }


def _gap(gap: Gap, run: RecordedRun) -> dict[str, Any]:
    return {
        "channel": gap.channel,
        "begin_s": (gap.begin_ns - run.begin_ns) * 1e-9,
        "duration_s": (gap.end_ns - gap.begin_ns) * 1e-9,
        "reason": gap.reason,
        "hidden_j": gap.hidden_j,
        "open": gap.open,
    }
