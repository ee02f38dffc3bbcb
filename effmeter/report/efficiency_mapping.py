"""A comparison of efficiencies as nested mappings, as JSON shows it.

Efficiencies are per joule (of power samples: per watt), energies in joules; None is unknown.
"""

from typing import Any

from effmeter.analysis.efficiency_framework.means import CriterionMean, SizeMean
from effmeter.analysis.efficiency_framework.observation import (
    Observation,
    Trial,
    TrialOvertraining,
    Unobserved,
)
from effmeter.analysis.efficiency_framework.ratios import Ranking, Ratio
from effmeter.analysis.efficiency_framework.result import EfficiencyFramework, Means
from effmeter.analysis.efficiency_framework.uncertainty import UncertainValue
from effmeter.energy import Energy
from effmeter.report.formatting import jsonable


def comparison_as_mapping(result: EfficiencyFramework) -> dict[str, Any]:
    """The whole result, with every observation that went into it."""
    seen = result.observations
    mapping = jsonable(
        {
            "criteria": dict(seen.criteria),
            "observations": [_observation(each) for each in seen.observed],
            "not_observed": [_unobserved(each) for each in seen.unobserved],
            "all": _means(result.all),
            "without_flagged": None if result.unflagged is None else _means(result.unflagged),
            "overtraining": [_overtraining(each) for each in seen.overtraining],
            "warnings": seen.warnings,
        }
    )
    assert isinstance(mapping, dict)
    return mapping


def _observation(seen: Observation) -> dict[str, Any]:
    return {
        **_trial(seen.trial),
        "criterion": seen.criterion,
        "metric": seen.metric,
        "mode": seen.mode,
        "metric_value": seen.metric_value,
        "epochs": seen.epochs,
        "quantity": seen.quantity,
        "energy": _energy(seen.energy),
        "efficiency_per_j": _uncertain(seen.efficiency_per_j),
        "overshoot": None if seen.overshoot is None else _energy(seen.overshoot),
        "host": seen.host or None,
        "cover": seen.cover,
        "estimated": seen.estimated,
        "batch_size": seen.batch_size,
        "flags": seen.flags,
        "stopped_by": seen.stopped_by,
        "warnings": seen.warnings,
        "source": seen.source,
    }


def _unobserved(seen: Unobserved) -> dict[str, Any]:
    return {
        **_trial(seen.trial),
        "criterion": seen.criterion,
        "reason": seen.reason,
        "source": seen.source,
    }


def _overtraining(seen: TrialOvertraining) -> dict[str, Any]:
    verdict = seen.verdict
    return {
        **_trial(seen.trial),
        "early_epoch": verdict.early_epoch,
        "late_epoch": verdict.late_epoch,
        "test_gain": verdict.test_gain,
        "gap_growth": verdict.gap_growth,
        "gap_factor": verdict.gap_factor,
        "overtrained": verdict.is_overtrained,
        "source": seen.source,
    }


def _means(means: Means) -> dict[str, Any]:
    return {
        "eq_3": [_size_mean(mean) for mean in means.sizes],
        "eq_4": [_criterion_mean(mean) for mean in means.criteria],
        "architecture_ratios": [_ratio(ratio) for ratio in means.architecture_ratios],
        "dataset_ratios": [_ratio(ratio) for ratio in means.dataset_ratios],
        "rankings": [_ranking(ranking) for ranking in means.rankings],
    }


def _size_mean(mean: SizeMean) -> dict[str, Any]:
    return {
        "architecture": mean.architecture,
        "dataset": mean.dataset,
        "criterion": mean.criterion,
        "efficiency_per_j": _uncertain(mean.efficiency_per_j),
        "sizes": [
            {"size": cell.size, "efficiency_per_j": _uncertain(cell.efficiency_per_j)}
            for cell in mean.groups
        ],
        "without": mean.without,
    }


def _criterion_mean(mean: CriterionMean) -> dict[str, Any]:
    return {
        "architecture": mean.architecture,
        "dataset": mean.dataset,
        "criteria": mean.criteria,
        "efficiency_per_j": _uncertain(mean.efficiency_per_j),
        "without": mean.without,
    }


def _ranking(ranking: Ranking) -> dict[str, Any]:
    return {
        "dataset": ranking.dataset,
        "criterion": ranking.criterion,
        "order": ranking.order,
        "steps": [_ratio(step) for step in ranking.steps],
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {
        "one": ratio.one,
        "other": ratio.other,
        "within": ratio.within,
        "criterion": ratio.criterion,
        "ratio": _uncertain(ratio.ratio),
        "verdict": ratio.verdict,
        "without": ratio.without,
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "architecture": trial.architecture,
        "dataset": trial.dataset,
        "size": trial.size,
        "seed": trial.seed,
        "fold": trial.fold,
    }


def _energy(energy: Energy) -> dict[str, float]:
    return {
        "value": energy.value_j,
        "low": energy.low_j,
        "high": energy.high_j,
        "systematic": energy.systematic_j,
    }


def _uncertain(figure: UncertainValue | None) -> dict[str, Any] | None:
    if figure is None:
        return None
    return {
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "takes_in": figure.sources,
        "seed_half_width": figure.seed_half_width,
        "systematic": figure.systematic,
    }
