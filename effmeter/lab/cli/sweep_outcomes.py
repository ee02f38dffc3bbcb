"""The outcomes of a sweep: as a table, and as JSON."""

import sys
from collections.abc import Sequence

from effmeter.cli.output import emit
from effmeter.lab.sweep import Outcome
from effmeter.recorded.breakdown import Breakdown
from effmeter.report.formatting import energy_figure, metric_figure
from effmeter.report.page import Page

_HEADINGS = ("run", "status", "epochs", "metric", "energy", "remarks")


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A table on stderr, one row for each run."""
    page = Page.for_stream(sys.stderr)
    numeric = (_HEADINGS.index("epochs"), _HEADINGS.index("energy"))
    page.table(_HEADINGS, map(_row, outcomes), numeric)
    emit(str(page), err=True)


def as_mapping(outcome: Outcome) -> dict[str, object]:
    """A run as JSON shows it; energies in joules with their interval, null where not known."""
    return {
        "name": outcome.cell.name,
        "file": None if outcome.path is None else str(outcome.path),
        "labels": outcome.cell.labels,
        "status": str(outcome.status),
        "complete": outcome.is_complete,
        "earlier": outcome.earlier,
        "stopped_by": None if outcome.stopped_by is None else str(outcome.stopped_by),
        "traceback": outcome.traceback,
        "unmet": list(outcome.unmet),
        "epochs": outcome.epochs,
        "duration_s": outcome.duration_s,
        "metrics": outcome.metrics or {},
        "energy": None if outcome.energy is None else _energy_mapping(outcome.energy),
    }


def _energy_mapping(energy: Breakdown) -> dict[str, object] | None:
    if energy.total is None:
        return None
    return {
        "total": energy.total.as_mapping(),
        "cover": list(energy.cover.names),
        "estimated": list(energy.cover.estimated),
        "missing": list(energy.cover.missing),
        "partial": list(energy.cover.partial),
    }


def _row(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.cell.name,
        str(outcome.status),
        str(outcome.epochs),
        _metric(outcome),
        _energy(outcome.energy),
        "; ".join(_remarks(outcome)),
    )


def _metric(outcome: Outcome) -> str:
    """The first requested metric on the test part."""
    name = outcome.cell.recipe.metrics[0]
    value = (outcome.metrics or {}).get(name)
    return "" if value is None else f"{name} {metric_figure(value)}"


def _energy(energy: Breakdown | None) -> str:
    if energy is None or energy.total is None:
        return "not measured"
    estimated = " (estimated)" if energy.cover.estimated else ""
    return f"{energy_figure(energy.total)}{estimated}"


def _remarks(outcome: Outcome) -> list[str]:
    unmet = [f"{criterion} not met" for criterion in outcome.unmet]
    without = [] if outcome.energy is None else [m.what for m in outcome.energy.missing]
    energy = [f"energy without {', '.join(without)}"] if without else []
    inactive = ["inactive: skipped nothing"] if _is_inactive(outcome) else []
    return [*(["recorded earlier"] if outcome.earlier else []), *unmet, *inactive, *energy]


def _is_inactive(outcome: Outcome) -> bool:
    """Whether a method that can skip work skipped none."""
    method = outcome.cell.recipe.method
    is_dense = method is None or method.partition(":")[0].strip() == "dense"
    return not is_dense and (outcome.metrics or {}).get("method_active") == 0.0
