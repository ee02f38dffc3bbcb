"""A study's results as JSON shows them: plain numbers, null where something is not known."""

import math

from effmeter.lab.studies.method_study import MethodStudy
from effmeter.lab.studies.over_seeds import (
    OverSeeds,
    executed_flops,
    mean_duration_s,
    mean_energy,
    mean_metric,
    nominal_flops,
)
from effmeter.lab.studies.repeats import Repeats


def results_mapping(study: MethodStudy) -> list[dict[str, object]]:
    """One mapping for each variant; the runs of its seeds are told apart by their labels."""
    return [_variant(repeats) for repeats in study.results.values()]


def _variant(repeats: Repeats) -> dict[str, object]:
    recipe = repeats.variant.recipe
    metric = recipe.metrics[0]
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
        metric: _over_seeds(mean_metric(repeats)),
        "duration_s": _over_seeds(mean_duration_s(repeats)),
        "energy_j": _energy(repeats),
        "backward_flops": executed_flops(repeats),
        "nominal_backward_flops": nominal_flops(repeats),
    }


def _over_seeds(figure: OverSeeds | None) -> dict[str, float | None] | None:
    if figure is None:
        return None
    return {
        "value": figure.value,
        "low": _known(figure.low),
        "high": _known(figure.high),
    }


def _energy(repeats: Repeats) -> dict[str, object] | None:
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
