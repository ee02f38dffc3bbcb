"""The results of a study of training methods: what tables and figures are made of."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from effmeter.errors import UsageError
from effmeter.lab.studies.comparison import TablePlan
from effmeter.lab.studies.over_seeds import (
    OverSeeds,
    executed_flops,
    mean_duration_s,
    mean_energy,
    mean_metric,
    nominal_flops,
)
from effmeter.lab.studies.repeats import Repeats, repeats_of
from effmeter.lab.studies.variant import Variant
from effmeter.lab.sweep import Outcome
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun


@dataclass(frozen=True, slots=True)
class MethodScale:
    """How much of a study is run."""

    name: str
    summary: str
    tables: tuple[TablePlan, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be run alone."""
        return tuple(dict.fromkeys(table.part for table in self.tables))

    def restricted_to(self, parts: Sequence[str]) -> "MethodScale":
        """These parts alone, all of them if none is named; UsageError for an unknown one."""
        unknown = [part for part in parts if part not in self.parts]
        if unknown:
            known = ", ".join(self.parts)
            raise UsageError(f"the study has no part {unknown[0]!r}; its parts are {known}")
        kept = tuple(table for table in self.tables if not parts or table.part in parts)
        return MethodScale(self.name, self.summary, kept)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All trainings, each once."""
        return tuple(dict.fromkeys(v for table in self.tables for v in table.variants))


@dataclass(frozen=True, slots=True)
class MethodResults:
    """The runs of each variant of a scale."""

    scale: MethodScale
    by_variant: Mapping[Variant, Repeats]

    @classmethod
    def gather(cls, scale: MethodScale, outcomes: Iterable[Outcome]) -> "MethodResults":
        """Read the run files of a sweep. Settings tell outcomes apart, so their order is free."""
        read = [(o, None if o.path is None else read_run(o.path)) for o in outcomes]
        found = {
            variant: repeats_of(variant, [pair for pair in read if _is_of(pair[0], variant)])
            for variant in scale.variants
        }
        return cls(scale, found)

    @property
    def runs(self) -> tuple[RecordedRun, ...]:
        """The completed ones."""
        repeats = self.by_variant.values()
        return tuple(r.run for each in repeats for r in each.by_seed.values())

    def as_mappings(self) -> list[dict[str, object]]:
        """A mapping of plain numbers for each variant, for JSON; null for what is not known."""
        return [_variant_mapping(repeats) for repeats in self.by_variant.values()]


def _is_of(outcome: Outcome, variant: Variant) -> bool:
    cell = outcome.cell
    return cell == variant.cell(cell.recipe.seed, cell.recipe)


def _variant_mapping(repeats: Repeats) -> dict[str, object]:
    recipe = repeats.variant.recipe
    return {
        "dataset": recipe.dataset,
        "model": repeats.variant.model,
        "method": repeats.variant.method,
        "epochs": repeats.variant.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "seeds": list(repeats.by_seed),
        "failures": list(repeats.failures),
        "left_work_out": not repeats.is_inactive,
        "metric": recipe.metrics[0],
        "metric_value": _interval_mapping(mean_metric(repeats)),
        "duration_s": _interval_mapping(mean_duration_s(repeats)),
        "energy_j": _energy_mapping(repeats),
        "backward_flops": executed_flops(repeats),
        "nominal_backward_flops": nominal_flops(repeats),
    }


def _interval_mapping(figure: OverSeeds | None) -> dict[str, object] | None:
    if figure is None:
        return None
    return {"value": figure.value, "low": _known(figure.low), "high": _known(figure.high)}


def _energy_mapping(repeats: Repeats) -> dict[str, object] | None:
    found = mean_energy(repeats)
    if found is None:
        return None
    figure, seeds = found
    return {
        "value": figure.value,
        "low": _known(figure.low),
        "high": _known(figure.high),
        "systematic": figure.systematic,
        "takes_in": list(figure.sources),
        "seeds": seeds,
    }


def _known(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
