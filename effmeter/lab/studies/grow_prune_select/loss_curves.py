"""The data behind Figures 3 and 4: how the loss falls with the epochs and with the energy."""

from collections.abc import Iterable

from effmeter.lab.studies.comparison import Comparison
from effmeter.lab.studies.comparison_table import Results, listed
from effmeter.lab.studies.figure import FigureData, Picture, Row
from effmeter.lab.studies.method_results import MethodResults
from effmeter.lab.studies.repeats import Repeat

_FIGURES = {"wrn": 3, "vgg": 4}
"""Which shows which network was decided here."""

_CURVES = Picture("epoch", "loss", "epoch", "training loss", ("dataset", "what"))


def figure_data(results: MethodResults) -> list[FigureData]:
    """A figure for each kind of network that was trained, a row for each epoch of each run."""
    rows: dict[int, list[Row]] = {}
    for plan in results.scale.tables:
        for comparison in plan.comparisons:
            number = _FIGURES[comparison.dense.recipe.architecture[:3]]
            rows.setdefault(number, []).extend(_rows(comparison, results.by_variant))
    names = {number: kind for kind, number in _FIGURES.items()}
    return [
        FigureData(n, f"loss curves {names[n]}", tuple(r), _CURVES) for n, r in rows.items() if r
    ]


def _rows(comparison: Comparison, results: Results) -> Iterable[Row]:
    for variant in listed(comparison):
        settings = {
            "dataset": variant.recipe.dataset,
            "model": variant.model,
            "method": variant.method,
            "what": comparison.name_of(variant),
        }
        for repeat in results[variant].by_seed.values():
            for row in _epochs(repeat):
                yield {**settings, "seed": repeat.seed, **row}


def _epochs(repeat: Repeat) -> Iterable[Row]:
    epochs = [epoch for epoch in repeat.run.lead_epochs if not epoch.open]
    begin_ns = epochs[0].begin_ns
    for number, epoch in enumerate(epochs, 1):
        energy = repeat.run.energy_over(repeat.energy.cover, begin_ns, epoch.end_ns)
        yield {
            "epoch": number,
            "loss": epoch.metrics.get("loss"),
            "accuracy": epoch.metrics.get("accuracy"),
            "duration_s": (epoch.end_ns - begin_ns) * 1e-9,
            "energy_j": None if energy is None else energy.value_j,
            "energy_low_j": None if energy is None else energy.low_j,
            "energy_high_j": None if energy is None else energy.high_j,
        }
