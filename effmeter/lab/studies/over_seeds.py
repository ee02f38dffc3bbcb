"""Means over seeds with their 95 % t interval, and figures paired over seeds.

Two variants with the same seed begin with the same weights, where the model is the same, and see
the same batches; what they differ by is therefore looked at seed by seed. A single seed tells
nothing of the spread, and neither do seeds that all give the same figure, as those of a coarse
metric may: the interval is then not known (NaN).
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from effmeter.analysis.efficiency_framework.uncertainty import Term, UncertainValue, weighted_mean
from effmeter.analysis.t_distribution import t_quantile
from effmeter.energy import Energy
from effmeter.lab.studies.repeats import BySeed, Repeat, Repeats
from effmeter.lab.workloads import METRICS

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """A mean over seeds and its interval, NaN where the seeds tell nothing of their spread."""

    value: float
    low: float
    high: float
    seeds: int

    @property
    def excludes_zero(self) -> bool:
        """Whether it is known to be above or below zero."""
        return self.low > 0.0 or self.high < 0.0


def mean_over_seeds(
    values: Sequence[float], least: float = -math.inf, most: float = math.inf
) -> OverSeeds | None:
    """The mean of a figure of each seed; None of nothing.

    The interval ends where the figure itself does, at ``least`` and ``most``.
    """
    if not values:
        return None
    mean = statistics.fmean(values)
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    if deviation <= _ROUNDING * max(map(abs, values)):
        return OverSeeds(mean, math.nan, math.nan, len(values))
    half_width = t_quantile(len(values) - 1) * deviation / math.sqrt(len(values))
    return OverSeeds(mean, max(mean - half_width, least), min(mean + half_width, most), len(values))


def mean_metric(repeats: Repeats) -> OverSeeds | None:
    """The mean of the metric."""
    is_fraction = repeats.variant.recipe.metrics[0] in METRICS
    most = 1.0 if is_fraction else math.inf
    return mean_over_seeds([r.metric for r in repeats.by_seed.values()], 0.0, most)


def mean_duration_s(repeats: BySeed) -> OverSeeds | None:
    """The mean time of a training."""
    return mean_over_seeds([repeat.duration_s for repeat in repeats.by_seed.values()], 0.0)


def mean_energy(repeats: BySeed) -> tuple[UncertainValue, int] | None:
    """The mean energy (J) of the runs that know theirs, and how many these are.

    Its interval takes in what the sensors leave open, which more runs do not narrow, and the
    spread over seeds.
    """
    known = {
        seed: total
        for seed, repeat in repeats.by_seed.items()
        if (total := repeat.energy.total) is not None
    }
    if not known:
        return None
    weight = 1.0 / len(known)
    terms = [Term(weight, _uncertain(e), "all", "all", seed) for seed, e in known.items()]
    return weighted_mean(terms), len(known)


def difference(one: BySeed, other: BySeed) -> OverSeeds | None:
    """By how much the metric of one lies above that of the other, paired over seeds."""
    return mean_over_seeds([a.metric - b.metric for a, b in one.paired_with(other)])


def difference_to_stopped(one: BySeed, dense: BySeed) -> OverSeeds | None:
    """The same to the dense run stopped at one's own time, after the last epoch that fits.

    Seeds in which the dense run had ended no epoch by then have nothing to compare.
    """
    pairs = [(a.metric, b.metric_at(a.duration_s)) for a, b in one.paired_with(dense)]
    return mean_over_seeds([metric - stopped for metric, stopped in pairs if stopped is not None])


def time_ratio(one: BySeed, other: BySeed) -> OverSeeds | None:
    """The time of one over that of the other, paired over seeds."""
    return _ratio(one, other, lambda repeat: repeat.duration_s)


def energy_ratio(one: BySeed, other: BySeed) -> OverSeeds | None:
    """The energy of one over that of the other, paired over seeds, if both err alike.

    That is so for the same sensors; None where the two do not sum the same channels.
    """
    covers = {
        repeat.energy.cover.names for repeats in (one, other) for repeat in repeats.by_seed.values()
    }
    return _ratio(one, other, _energy_j) if len(covers) == 1 else None


def flops_ratio(one: BySeed, other: BySeed) -> float | None:
    """Backward operations executed, over those of the other variant."""
    sums = [executed_flops(repeats) for repeats in (one, other)]
    return None if sums[0] is None or not sums[1] else sums[0] / sums[1]


def executed_flops(repeats: BySeed) -> float | None:
    """Backward operations that a training executed, on average over seeds."""
    known = [r.backward.executed for r in repeats.by_seed.values() if r.backward is not None]
    return statistics.fmean(known) if known else None


def step_flops(repeats: BySeed) -> float | None:
    """Operations of forward and backward passes that a training executed."""
    known = [r.step_flops for r in repeats.by_seed.values() if r.step_flops is not None]
    return statistics.fmean(known) if known else None


def nominal_flops(repeats: BySeed) -> float | None:
    """The same in the convention of the ssProp paper."""
    known = [r.backward.nominal for r in repeats.by_seed.values() if r.backward is not None]
    return statistics.fmean(known) if known else None


def _ratio(
    one: BySeed, other: BySeed, figure: Callable[[Repeat], float | None]
) -> OverSeeds | None:
    pairs = [(figure(a), figure(b)) for a, b in one.paired_with(other)]
    return mean_over_seeds([a / b for a, b in pairs if a is not None and b], 0.0)


def _energy_j(repeat: Repeat) -> float | None:
    return None if repeat.energy.total is None else repeat.energy.total.value_j


def _uncertain(energy: Energy) -> UncertainValue:
    return UncertainValue(energy.value_j, energy.low_j, energy.high_j, by_source=energy.systematic)
