"""Reports as text: one line a run, or all of each run in tables."""

from collections.abc import Iterable, Iterator, Sequence

from effmeter.analysis.efficiency import Efficiency, EpochEfficiency
from effmeter.analysis.metrics import MetricCourse
from effmeter.analysis.run_analysis import RunAnalysis
from effmeter.analysis.run_tree import tree_of
from effmeter.energy.standstill import NOT_READ
from effmeter.escaping import printable
from effmeter.recorded.records import Gap, MemoryUse, RecordedEpoch, RecordedSpan
from effmeter.recorded.run import RecordedRun
from effmeter.report.cells import counted, energy_cells, per_kj_cells
from effmeter.report.conditions_text import condition_lines
from effmeter.report.efficiency_text import add_comparison
from effmeter.report.energy_text import add_energies, calibration_line
from effmeter.report.formatting import (
    energy_figure,
    metric_figure,
)
from effmeter.report.list_text import add_list
from effmeter.report.page import Page
from effmeter.report.renderer import Renderer, Report
from effmeter.report.run_mapping import begin_of
from effmeter.report.run_names import names_of
from effmeter.report.shares_text import add_shares
from effmeter.units import format_bytes, format_duration, format_energy

_MOST_GAPS = 10
"""More gaps of one run are counted, not listed."""
_MOST_RUNS = 10
"""More runs inside another one are counted, not named."""
_MOST_SPANS = 40
"""More spans of one run are counted, not listed."""


class TextRenderer(Renderer):
    """Tables for people."""

    def render(self, report: Report) -> str:
        """A single run with its details, several as one line each; then what compares them."""
        options = self.options
        page = Page(options.width, has_styles=options.has_styles)
        runs = [analysis.run for analysis in report.runs]
        names, tree = names_of(runs), list(tree_of(runs))
        is_list = len(runs) > 1
        if is_list:
            add_list(page, names, report.runs, tree)
        for place, _ in tree:
            name, analysis = names[place], report.runs[place]
            if options.has_details or not is_list:
                if is_list:
                    page.blank()
                _add_run(page, name, analysis, options.has_epochs)
                if options.has_details:
                    _add_hosts(page, name, analysis, options.has_epochs)
            elif options.has_epochs:
                page.blank()
                page.title(name)
                _add_epochs(page, analysis)
        for comparison in report.comparisons.values():
            if not page.is_empty:
                page.blank()
            add_comparison(page, comparison)
        return str(page).rstrip("\n")


def _add_run(page: Page, name: str, analysis: RunAnalysis, has_epochs: bool) -> None:
    page.title(name)
    page.facts(_facts(analysis))
    if analysis.breakdown.components or analysis.walls:
        add_energies(page, analysis)
    if analysis.shares is not None and analysis.breakdown.total is not None:
        add_shares(page, analysis.shares, analysis.breakdown.total)
    if analysis.efficiency is not None:
        _add_efficiency(page, analysis.efficiency)
    if analysis.run.spans:
        _add_spans(page, analysis.run)
    if has_epochs:
        _add_epochs(page, analysis)
    gaps = [gap for gap in analysis.run.gaps if _matters(gap, analysis.run)]
    for gap in gaps[:_MOST_GAPS]:
        page.paragraph(_gap_line(gap, analysis.run), "  gap: ")
    if len(gaps) > _MOST_GAPS:
        page.paragraph(f"{counted(len(gaps) - _MOST_GAPS, 'more gap')}", "  ")
    for name, text in analysis.run.program_notes:
        _add_note(page, name, text.splitlines())
    for text in analysis.warnings:
        page.warning(text)


def _add_hosts(page: Page, name: str, analysis: RunAnalysis, has_epochs: bool) -> None:
    """The part of each host of a job, all of it."""
    for place, part in enumerate(analysis.by_host):
        page.blank()
        _add_run(page, f"{name} on {analysis.run.host_names[place]}", part, has_epochs)


def _add_note(page: Page, name: str, lines: Sequence[str]) -> None:
    if len(lines) == 1:
        page.paragraph(lines[0], f"  note: {printable(name)}: ")
        return
    page.paragraph(name, "  note: ")
    for line in lines:
        page.verbatim(line, "    ")


def _facts(analysis: RunAnalysis) -> Iterator[tuple[str, str]]:
    run = analysis.run
    stopped = f", stopped by {analysis.stopped_by}" if analysis.stopped_by else ""
    yield "file", ", ".join(map(str, run.paths))
    if run.parent_run_id is not None:
        yield "inside", run.ancestors[0].name if run.ancestors else f"run {run.parent_run_id}"
    if run.inner_runs:
        yield "contains", _contained(run)
    if run.labels:
        yield "labels", ", ".join(f"{name}={value}" for name, value in run.labels.items())
    yield "status", f"{analysis.status}{stopped}"
    yield "begun", f"{begin_of(run)}, lasted {format_duration(run.duration_s)}"
    if run.is_joint:
        yield "hosts", ", ".join(run.host_names)
    if any(recorder.mode for recorder in run.recorders):
        yield "recorder", _recorders(run)
    if len(run.sources) > 1:
        yield "sources", ", ".join(source.id for source in run.sources)
    yield "epochs", str(analysis.ended_epochs) if run.lead_epochs else "none"
    for course in analysis.metrics:
        yield course.name, _course_line(course)
    for name, value in run.closing_metrics.items():
        yield name, f"{metric_figure(value)} of the run"
    for name, use in sorted(run.memory.items()):
        if use.peak_bytes != 0:  # an unused memory is not listed, an unknown one is
            yield f"memory {name}", _memory_line(use)
    for channel in analysis.breakdown.cover.channels:
        if channel.calibration is not None:
            yield f"calibrated {channel.name}", calibration_line(channel.calibration)
    for device, line in condition_lines(run, analysis.breakdown.cover):
        yield f"conditions {device}", line


def _recorders(run: RecordedRun) -> str:
    """The recorder of each host, and its successor where it had one."""
    named = ["; then ".join(map(str, part.recorders)) for part in run.by_host]
    if not run.is_joint:
        return named[0]
    return "; ".join(f"{host}: {text}" for host, text in zip(run.host_names, named, strict=True))


def _contained(run: RecordedRun) -> str:
    """How many runs lie inside a run, and which."""
    names = [each.name for each in run.inner_runs]
    more = f" and {len(names) - _MOST_RUNS} more" if len(names) > _MOST_RUNS else ""
    return f"{counted(len(names), 'run')}: {', '.join(names[:_MOST_RUNS])}{more}"


def _course_line(course: MetricCourse) -> str:
    final = f"{metric_figure(course.final)} at the end"
    if course.best is None:
        return final
    return f"{final}, best {metric_figure(course.best)} at epoch {course.best_epoch}"


def _memory_line(use: MemoryUse) -> str:
    if use.peak_bytes is None:
        return f"unknown: {use.unknown}"
    partly = f" (unknown for part of the time: {use.unknown})" if use.unknown else ""
    most = f"{format_bytes(use.peak_bytes)} at most{partly}"
    if use.average_bytes is None:
        return most
    return f"{format_bytes(use.average_bytes)} on average, {most}"


def _add_efficiency(page: Page, efficiency: Efficiency) -> None:
    rows = [
        [f"{where}, epoch {point.epoch.number}", *per_kj_cells(point), _of_energy(point)]
        for where, point in (("at the end", efficiency.final), ("at its best", efficiency.best))
        if point is not None
    ]
    headings = ("", f"Eq 2: {efficiency.learned} per kJ", "interval", "metric and energy")
    page.table(headings, rows, numeric=(1, 2))


def _of_energy(point: EpochEfficiency) -> str:
    return f"{metric_figure(point.metric_value)} for {energy_figure(point.energy)}"


def _add_spans(page: Page, run: RecordedRun) -> None:
    """The spans, those inside another indented below it."""
    rows = [_span_row(span, depth) for span, depth in _nested(run.spans)]
    headings = ("span", "lasted", "energy", "interval", "metrics")
    page.table(headings, rows[:_MOST_SPANS], numeric=(1, 2, 3))
    if len(rows) > _MOST_SPANS:
        more = counted(len(rows) - _MOST_SPANS, "more span")
        page.note(f"{more}: --json has all of them")


def _nested(spans: Iterable[RecordedSpan], depth: int = 0) -> Iterator[tuple[RecordedSpan, int]]:
    for span in spans:
        yield span, depth
        yield from _nested(span.children, depth + 1)


def _span_row(span: RecordedSpan, depth: int) -> list[str]:
    metrics = (f"{name} {metric_figure(value)}" for name, value in span.metrics.items())
    return [
        f"{'. ' * depth}{span.name}{' (open)' if span.open else ''}",
        format_duration((span.end_ns - span.begin_ns) * 1e-9),
        *energy_cells(span.energy),
        ", ".join(metrics),
    ]


def _add_epochs(page: Page, analysis: RunAnalysis) -> None:
    names = [course.name for course in analysis.metrics]
    has_efficiency = analysis.efficiency is not None
    headings = (
        *("epoch", "lasted", *names, "energy", "interval"),
        *(("since epoch 1", "per kJ", "interval") if has_efficiency else ()),
    )
    rows = [_epoch_row(epoch, names, analysis) for epoch in analysis.run.lead_epochs]
    if rows:
        shown = (row[: len(headings)] for row in rows)
        page.table(headings, shown, numeric=range(len(headings)))


def _epoch_row(epoch: RecordedEpoch, names: Iterable[str], analysis: RunAnalysis) -> list[str]:
    point = analysis.epoch_efficiency(epoch)
    return [
        f"{epoch.number}{' (open)' if epoch.open else ''}",
        format_duration((epoch.end_ns - epoch.begin_ns) * 1e-9),
        *(metric_figure(epoch.metrics[n]) if n in epoch.metrics else "" for n in names),
        *(["", ""] if epoch.energy is None else energy_cells(epoch.energy)),
        *(["", "", ""] if point is None else [energy_figure(point.energy), *per_kj_cells(point)]),
    ]


def _matters(gap: Gap, run: RecordedRun) -> bool:
    """Whether a gap is worth a line: a counter that was not read for a while has counted on."""
    return gap.end_ns > run.begin_ns and (gap.reason != NOT_READ or gap.hidden_j != 0)


def _gap_line(gap: Gap, run: RecordedRun) -> str:
    duration = format_duration((gap.end_ns - gap.begin_ns) * 1e-9)
    lasted = "to the end" if gap.open else f"for {duration}"
    hidden = f", up to {format_energy(gap.hidden_j)} hidden" if gap.hidden_j else ""
    begin = format_duration(max(0, gap.begin_ns - run.begin_ns) * 1e-9)
    return f"{gap.channel or 'all channels'}, from {begin} {lasted}: {gap.reason}{hidden}"
