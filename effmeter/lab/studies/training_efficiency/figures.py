"""The data behind Figures 5 to 11, as CSV tables that any plotting program reads.

Figures 5 and 6: efficiency per epoch on the two data sets. 7: LeNet against the BCNN by
criterion. 8 and 9: boxes by criterion. 10 and 11: scatter by size. Energies are in joules,
efficiencies per joule; an empty cell is not known.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from effmeter.analysis.efficiency import efficiency_of
from effmeter.analysis.efficiency_framework.means import CriterionMean, SizeMean
from effmeter.analysis.efficiency_framework.observation import Observation
from effmeter.analysis.efficiency_framework.ratios import EQ_4
from effmeter.lab.studies.figure import FigureData, Row
from effmeter.lab.studies.training_efficiency.results import CaseResults

_QUARTILES = {"lowest": 0, "first_quartile": 25, "median": 50, "third_quartile": 75, "highest": 100}


def figure_data(study: CaseResults) -> list[FigureData]:
    """Each figure that the study has data for."""
    datasets = list(enumerate(study.datasets[:2]))
    return [
        *(
            FigureData(5 + place, f"efficiency per epoch {name}", tuple(_per_epoch(study, name)))
            for place, name in datasets
        ),
        FigureData(7, "lenet against bcnn by criterion", tuple(_by_criterion(study))),
        *(
            FigureData(8 + place, f"boxes by criterion {name}", tuple(_boxes(study, name)))
            for place, name in datasets
        ),
        *(
            FigureData(10 + place, f"scatter by size {name}", tuple(_scatter(study, name)))
            for place, name in datasets
        ),
    ]


def _per_epoch(study: CaseResults, dataset: str) -> Iterable[Row]:
    for run in study.runs:
        found = efficiency_of(run) if run.labels.get("dataset") == dataset else None
        for point in () if found is None else found.epochs:
            yield {
                **{name: run.labels.get(name) for name in ("architecture", "size", "seed", "fold")},
                "epoch": point.epoch.number,
                "metric": point.metric_value,
                "energy_j": point.energy.value_j,
                "energy_low_j": point.energy.low_j,
                "energy_high_j": point.energy.high_j,
                "efficiency_per_j": point.value_per_j,
                "efficiency_low_per_j": point.low_per_j,
                "efficiency_high_per_j": point.high_per_j,
            }


def _by_criterion(study: CaseResults) -> Iterable[Row]:
    means = study.framework.all
    named: list[tuple[SizeMean | CriterionMean, str]] = []
    named += [(mean, mean.criterion) for mean in means.sizes]
    named += [(mean, EQ_4) for mean in means.criteria]
    for mean, criterion in named:
        figure = mean.efficiency_per_j
        yield {
            "dataset": mean.dataset,
            "architecture": mean.architecture,
            "criterion": criterion,
            "efficiency_per_j": None if figure is None else figure.value,
            "efficiency_low_per_j": None if figure is None else figure.low,
            "efficiency_high_per_j": None if figure is None else figure.high,
        }


def _boxes(study: CaseResults, dataset: str) -> Iterable[Row]:
    found: dict[tuple[str, str], list[float]] = {}
    for seen in _observed(study, dataset):
        key = (seen.trial.architecture, seen.criterion)
        found.setdefault(key, []).append(seen.efficiency_per_j.value)
    for (architecture, criterion), values in found.items():
        ends = np.percentile(values, list(_QUARTILES.values())).tolist()
        yield {
            "architecture": architecture,
            "criterion": criterion,
            "models": len(values),
            **{f"{name}_per_j": end for name, end in zip(_QUARTILES, ends, strict=True)},
        }


def _scatter(study: CaseResults, dataset: str) -> Iterable[Row]:
    for seen in _observed(study, dataset):
        figure = seen.efficiency_per_j
        yield {
            "architecture": seen.trial.architecture,
            "size": seen.trial.size,
            "seed": seen.trial.seed,
            "fold": seen.trial.fold,
            "criterion": seen.criterion,
            "epochs": seen.epochs,
            "metric": seen.metric_value,
            "energy_j": seen.energy.value_j,
            "efficiency_per_j": figure.value,
            "efficiency_low_per_j": figure.low,
            "efficiency_high_per_j": figure.high,
        }


def _observed(study: CaseResults, dataset: str) -> Sequence[Observation]:
    observed = study.framework.observations.observed
    return [seen for seen in observed if seen.trial.dataset == dataset]
