"""Summaries of runs as tables for people."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from effmeter.analysis.metrics import MetricCourse
from effmeter.report.contents import (
    ComponentFigure,
    EfficiencyFigure,
    EpochFigure,
    GapFigure,
    MemoryFigure,
    NetFigures,
    RunSummary,
)
from effmeter.report.formatting import (
    energy_figure,
    energy_interval,
    energy_systematic,
    metric_figure,
    per_kilojoule,
)
from effmeter.report.tables import plain_table
from effmeter.units import format_bytes, format_duration, format_energy

_SHOWN_GAPS = 10


def print_report(
    summaries: Sequence[RunSummary], console: Console, with_epochs: bool = False
) -> None:
    """Print runs one after the other, below a comparison where there are several."""
    if len(summaries) > 1:
        console.print(_comparison(summaries))
        console.print()
    for place, summary in enumerate(summaries):
        if place:
            console.print()
        _print_run(summary, console, with_epochs)


def _comparison(summaries: Sequence[RunSummary]) -> Padding:
    headings = ("run", "status", "epochs", "metric", "energy", "interval", "per kJ", "without")
    repeated = len({summary.name for summary in summaries}) < len(summaries)
    names = [Path(s.files[0]).stem if repeated else s.name for s in summaries]
    rows = map(_comparison_row, names, summaries)
    return plain_table(headings, rows, numeric=(2, 4, 5, 6))


def _comparison_row(name: str, summary: RunSummary) -> list[str]:
    energy, interval = _energy_cells(summary.total)
    metric = per_kj = ""
    if summary.efficiency is not None:
        final = summary.efficiency.final
        metric = f"{summary.efficiency.metric} {metric_figure(final.metric_value)}"
        per_kj, _ = _per_kj(final)
    without = ", ".join(missing.what for missing in summary.missing)
    epochs = str(summary.epoch_count)
    return [name, summary.status, epochs, metric, energy, interval, per_kj, without]


def _print_run(summary: RunSummary, console: Console, with_epochs: bool) -> None:
    console.print(Text(summary.name, style="bold"))
    console.print(_facts(summary), soft_wrap=True)
    if summary.components:
        console.print(_energy_table(summary))
    if summary.efficiency is not None:
        console.print(_efficiency_table(summary))
    if with_epochs and summary.epochs:
        console.print(_epoch_table(summary))
    for gap in summary.gaps[:_SHOWN_GAPS]:
        console.print(Text(f"  gap: {_gap_line(gap)}"), soft_wrap=True)
    if len(summary.gaps) > _SHOWN_GAPS:
        console.print(Text(f"  and {len(summary.gaps) - _SHOWN_GAPS} more gaps"))
    for caution in summary.cautions:
        console.print(Text(f"  ! {caution}", style="yellow"), soft_wrap=True)


def _facts(summary: RunSummary) -> Text:
    stopped = f", stopped by {summary.stopped_by}" if summary.stopped_by else ""
    sources = [source.id for source in summary.sources] if len(summary.sources) > 1 else []
    rows = {
        "file": ", ".join(summary.files),
        "labels": ", ".join(f"{name}={value}" for name, value in summary.labels.items()),
        "status": f"{summary.status}{stopped}",
        "begun": f"{summary.begin}, lasted {format_duration(summary.duration_s)}",
        "sources": ", ".join(sources),
        "epochs": str(summary.epoch_count) if summary.epochs else "none",
    }
    lines = [(name, value) for name, value in rows.items() if value]
    lines += [(course.name, _course_line(course)) for course in summary.metrics]
    lines += [
        (name, f"{metric_figure(value)} of the run")
        for name, value in summary.closing_metrics.items()
    ]
    lines += [
        (f"memory {use.memory}", _memory_line(use)) for use in summary.memory if _is_used(use)
    ]
    width = max(len(name) for name, _ in lines)
    return Text("\n").join(
        Text.assemble("  ", (f"{name:<{width}}", "dim"), "  ", value) for name, value in lines
    )


def _course_line(course: MetricCourse) -> str:
    final = f"{metric_figure(course.final)} at the end"
    if course.best is None:
        return final
    return f"{final}, best {metric_figure(course.best)} at epoch {course.best_epoch}"


def _is_used(use: MemoryFigure) -> bool:
    """A GPU that the programs left alone is not listed; one of which it is unknown is."""
    return use.peak_bytes != 0


def _memory_line(use: MemoryFigure) -> str:
    if use.peak_bytes is None:
        return f"unknown: {use.unknown}"
    partly = f" (for a time unknown: {use.unknown})" if use.unknown else ""
    most = f"{format_bytes(use.peak_bytes)} at most{partly}"
    if use.average_bytes is None:
        return most
    return f"{format_bytes(use.average_bytes)} on average, {most}"


def _energy_table(summary: RunSummary) -> Padding:
    figures = [*summary.components, *([summary.total] if summary.total else [])]
    net = {} if summary.net is None else _net_cells(summary.net)
    rows = [
        [
            figure.component,
            *_energy_cells(figure),
            energy_systematic(figure.energy),
            *net.get(figure.component, ()),
            figure.provenance,
            _cover(figure, summary),
        ]
        for figure in figures
    ]
    headings = (
        "energy",
        "",
        "interval",
        "gain error",
        *(("net of idle", "interval") if net else ()),
        "",
        "channels",
    )
    return plain_table(headings, rows, numeric=range(1, 6 if net else 4))


def _net_cells(net: NetFigures) -> dict[str, list[str]]:
    return {figure.component: _energy_cells(figure) for figure in (*net.components, net.total)}


def _cover(figure: ComponentFigure, summary: RunSummary) -> str:
    if figure is not summary.total:
        return ", ".join(figure.channels)
    without = ", ".join(missing.what for missing in summary.missing)
    return " + ".join(figure.channels) + (f", without {without}" if without else "")


def _efficiency_table(summary: RunSummary) -> Padding:
    assert summary.efficiency is not None
    final, best = summary.efficiency.final, summary.efficiency.best
    rows = [
        [f"{where}, epoch {point.epoch}", *_per_kj(point), _of_energy(point)]
        for where, point in (("at the end", final), ("at its best", best))
        if point is not None
    ]
    headings = (f"Eq 2: {summary.efficiency.metric} per kJ", "", "interval", "")
    return plain_table(headings, rows, numeric=(1, 2))


def _of_energy(point: EfficiencyFigure) -> str:
    return f"{metric_figure(point.metric_value)} for {energy_figure(point.energy)}"


def _epoch_table(summary: RunSummary) -> Padding:
    names = [course.name for course in summary.metrics]
    headings = (
        "epoch",
        "lasted",
        *names,
        "energy",
        "interval",
        "since epoch 1",
        "per kJ",
        "interval",
    )
    rows = [_epoch_row(epoch, names) for epoch in summary.epochs]
    return plain_table(headings, rows, numeric=range(len(headings)))


def _epoch_row(epoch: EpochFigure, names: Iterable[str]) -> list[str]:
    number = f"{epoch.number}{' (open)' if epoch.open else ''}"
    logged = [metric_figure(epoch.metrics[n]) if n in epoch.metrics else "" for n in names]
    energy = ["", ""]
    if epoch.energy is not None:
        energy = [energy_figure(epoch.energy), energy_interval(epoch.energy)]
    judged = ["", "", ""]
    if epoch.efficiency is not None:
        judged = [energy_figure(epoch.efficiency.energy), *_per_kj(epoch.efficiency)]
    return [number, format_duration(epoch.duration_s), *logged, *energy, *judged]


def _gap_line(gap: GapFigure) -> str:
    lasted = "to the end" if gap.open else f"for {format_duration(gap.duration_s)}"
    hidden = f", up to {format_energy(gap.hidden_j)} hidden" if gap.hidden_j else ""
    where = gap.channel or "all channels"
    return f"{where}, {lasted} from {format_duration(gap.begin_s)}: {gap.reason}{hidden}"


def _energy_cells(figure: ComponentFigure | None) -> list[str]:
    if figure is None:
        return ["unknown", ""]
    return [energy_figure(figure.energy), energy_interval(figure.energy)]


def _per_kj(point: EfficiencyFigure) -> tuple[str, str]:
    return per_kilojoule(point.value_per_j, point.low_per_j, point.high_per_j)
