"""A study of training methods: its tables planned, its runs recorded, its tables filled."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from effmeter.errors import UsageError
from effmeter.lab.studies.comparison import TablePlan
from effmeter.lab.studies.repeats import Repeats, repeats_of
from effmeter.lab.studies.variant import Variant
from effmeter.lab.sweep import Outcome
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun


@dataclass(frozen=True, slots=True)
class StudyScale:
    """How much of a study is run."""

    name: str
    summary: str
    tables: tuple[TablePlan, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be asked for alone."""
        return tuple(dict.fromkeys(table.part for table in self.tables))

    def restricted_to(self, parts: Sequence[str]) -> "StudyScale":
        """These parts alone, all of them if none is named; UsageError for one there is not."""
        unknown = [part for part in parts if part not in self.parts]
        if unknown:
            known = ", ".join(self.parts)
            raise UsageError(f"the study has no part {unknown[0]!r}; it has: {known}")
        kept = tuple(table for table in self.tables if not parts or table.part in parts)
        return StudyScale(self.name, self.summary, kept)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All that must be trained, each once."""
        return tuple(dict.fromkeys(v for table in self.tables for v in table.variants))


@dataclass(frozen=True, slots=True)
class MethodStudy:
    """What tables and figures are made of."""

    scale: StudyScale
    results: Mapping[Variant, Repeats]

    @property
    def runs(self) -> tuple[RecordedRun, ...]:
        """Those that came to their end."""
        return tuple(r.run for repeats in self.results.values() for r in repeats.by_seed.values())


def method_study(scale: StudyScale, outcomes: Iterable[Outcome]) -> MethodStudy:
    """The study of a scale from the outcomes of its grid, whose run files are read.

    Outcomes are told apart by their settings, so their order does not matter.
    """
    read = [(o, None if o.path is None else read_run(o.path)) for o in outcomes]
    results = {
        variant: repeats_of(variant, [pair for pair in read if _is_of(pair[0], variant)])
        for variant in scale.variants
    }
    return MethodStudy(scale, results)


def _is_of(outcome: Outcome, variant: Variant) -> bool:
    cell = outcome.cell
    return cell == variant.cell(cell.recipe.seed, cell.recipe)
