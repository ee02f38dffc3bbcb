"""The training-efficiency framework as one result: from observations to means, ratios and ranks.

Cueto-Mendoza and Kelleher, *A framework for measuring the training efficiency of a neural
architecture*.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from effmeter.analysis.efficiency_framework.flags import flagged
from effmeter.analysis.efficiency_framework.means import (
    CriterionMean,
    SizeMean,
    criterion_means,
    size_means,
)
from effmeter.analysis.efficiency_framework.observation import Observation, Observations, Unobserved
from effmeter.analysis.efficiency_framework.ratios import (
    Ranking,
    Ratio,
    architecture_ratios,
    dataset_ratios,
    rankings,
)


@dataclass(frozen=True, slots=True)
class Means:
    """Eq 3 and Eq 4 over a set of observations, and what follows from them."""

    sizes: tuple[SizeMean, ...]
    criteria: tuple[CriterionMean, ...]
    """None where there is one criterion only."""
    architecture_ratios: tuple[Ratio, ...]
    dataset_ratios: tuple[Ratio, ...]
    rankings: tuple[Ranking, ...]


@dataclass(frozen=True, slots=True)
class EfficiencyFramework:
    """Observations with their means, ratios and rankings."""

    observations: Observations
    """With their flags."""
    all: Means
    """Over all observations, flagged or not."""
    unflagged: Means | None
    """Without the flagged ones; None where there are none."""


def build_framework(observations: Observations) -> EfficiencyFramework:
    """Flags, then means with and without what is flagged."""
    judged = flagged(observations)
    has_flags = any(seen.flags for seen in judged.observed)
    return EfficiencyFramework(
        judged, means(judged), means(without_flagged(judged)) if has_flags else None
    )


def means(observations: Observations) -> Means:
    """Eq 3, Eq 4, ratios and rankings over all observations, flagged or not."""
    sizes = size_means(observations)
    several = len({mean.criterion for mean in sizes}) > 1
    criteria = criterion_means(sizes) if several else ()
    return Means(
        sizes,
        criteria,
        tuple(architecture_ratios(sizes, criteria)),
        tuple(dataset_ratios(sizes, criteria)),
        tuple(rankings(sizes, criteria)),
    )


def without_flagged(observations: Observations) -> Observations:
    """What is flagged counts as not observed, so that every mean says what it lacks."""
    return replace(
        observations,
        observed=tuple(seen for seen in observations.observed if not seen.flags),
        unobserved=(*observations.unobserved, *_left_out(observations.observed)),
    )


def _left_out(observed: Iterable[Observation]) -> Iterable[Unobserved]:
    for seen in observed:
        if seen.flags:
            reason = f"left out: {'; '.join(seen.flags)}"
            yield Unobserved(seen.trial, seen.criterion, reason, seen.source)
