"""Appendix A: the same case study on two machines, side by side.

The criteria follow from the runs of both machines together, so that they are the same on both.
Efficiencies of two machines are divided only where both sum the same components; whether the
architectures rank the same on both needs no such thing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from effmeter.analysis.efficiency_framework.ratios import EQ_4
from effmeter.errors import UsageError
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.training_efficiency.criteria import CRITERIA
from effmeter.lab.studies.training_efficiency.means_tables import (
    efficiency_of,
    ranking_words,
    ratios_on,
)
from effmeter.lab.studies.training_efficiency.results import CaseResults, cut_runs, runs_by_dataset
from effmeter.lab.studies.training_efficiency.scale import ARCHITECTURES
from effmeter.lab.studies.training_efficiency.table_cells import efficiency_words, ratio_words
from effmeter.recorded.run import RecordedRun


@dataclass(frozen=True, slots=True)
class Machine:
    """The runs of one folder."""

    folder: Path
    study: CaseResults

    @property
    def host(self) -> str:
        """Its name, as the runs say."""
        return next((seen.host for seen in self.study.framework.observations.observed), "")

    @property
    def components(self) -> tuple[str, ...]:
        """What its totals sum, such as cpu and ram."""
        channels = {name: c for run in self.study.runs for name, c in run.channels.items()}
        observed = self.study.framework.observations.observed
        return tuple(sorted({channels[name].component for seen in observed for name in seen.cover}))


def two_machines(
    folders: Sequence[tuple[Path, Sequence[RecordedRun]]],
    given: Sequence[str] = (),
    targets: Mapping[str, str] | None = None,
) -> tuple[Machine, Machine]:
    """The study on each machine; UsageError where one ran a data set that the other did not."""
    (first, runs), (second, others) = folders
    odd = runs_by_dataset(runs).keys() ^ runs_by_dataset(others).keys()
    if odd:
        raise UsageError(f"only one of {first} and {second} has runs on {', '.join(sorted(odd))}")
    together = [*runs, *others]
    return (
        Machine(first, cut_runs(runs, given, targets, together)),
        Machine(second, cut_runs(others, given, targets, together)),
    )


def machine_tables(one: Machine, other: Machine) -> list[PaperTable]:
    """For each data set Eq 3 and Eq 4 on both machines, their ratio, and the rankings."""
    return [_table(dataset, one, other) for dataset in one.study.datasets]


def _table(dataset: str, one: Machine, other: Machine) -> PaperTable:
    comparable = one.components == other.components
    rows = [
        _row(dataset, architecture, criterion, one, other, comparable)
        for architecture in ARCHITECTURES
        for criterion in (*CRITERIA, EQ_4)
    ]
    headings = ("model", "criterion", "A per kJ", "interval", "B per kJ", "interval")
    return PaperTable(
        "Appendix A",
        f"{dataset}, efficiency on two machines",
        (*headings, "A / B", "interval"),
        tuple(rows),
        tuple(range(2, 8)),
        tuple(_notes(dataset, one, other, comparable)),
    )


def _row(
    dataset: str,
    architecture: str,
    criterion: str,
    one: Machine,
    other: Machine,
    comparable: bool,
) -> tuple[str, ...]:
    figures = [
        efficiency_of(machine.study.framework.all, architecture, dataset, criterion)
        for machine in (one, other)
    ]
    words = [word for figure in figures for word in efficiency_words(figure)]
    if not comparable or figures[0] is None or figures[1] is None:
        return (architecture, criterion, *words, "", "")
    return (architecture, criterion, *words, *ratio_words(figures[0] / figures[1]))


def _notes(dataset: str, one: Machine, other: Machine, comparable: bool) -> Iterable[str]:
    for name, machine in (("A", one), ("B", other)):
        sums = " + ".join(machine.components) or "nothing"
        yield f"{name}: {machine.folder}, host {machine.host}, sums {sums}"
        yield from (f"{name}: {text}" for text in machine.study.warnings)
    if not comparable:
        yield "no ratios: the two machines do not sum the same components"
    for criterion in (*CRITERIA, EQ_4):
        on_one, on_other = (
            ratios_on(machine.study.framework.all, dataset).get(criterion)
            for machine in (one, other)
        )
        if on_one is not None and on_other is not None:
            same = "the same order" if on_one.one == on_other.one else "another order"
            orders = f"A {ranking_words(on_one)}, B {ranking_words(on_other)}"
            yield f"ranking by {criterion}: {orders}: {same}"
