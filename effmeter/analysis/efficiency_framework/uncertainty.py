"""Values with their uncertainty, their means and their ratios.

An efficiency has three uncertainties, which behave differently:

- **its energy.** Readings, gaps and estimates may err alike in every run, so a mean does not
  narrow them: bounds are averaged like values, and in a ratio the lower end of one energy meets
  the upper end of the other.
- **its seed.** Another seed gives another value. Seeds of one size vary independently of those
  of another, so their variances add (a t interval; degrees of freedom after Welch and
  Satterthwaite). The criteria of one run share its seed and count as one draw.
- **the sensors' gain and offset errors**, kept apart by source: they never average away. What
  two values take from one sensor adds with its sign, and cancels in their ratio.

``low`` and ``high`` combine the first two as independent, by the root of the sum of squares on
each side. An uncertainty that is not stated is NaN, not zero: the interval then holds the other
one alone, and is NaN where neither is known.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from effmeter.analysis.t_distribution import t_quantile
from effmeter.energy.systematic import systematic_sum

NAN = math.nan


@dataclass(frozen=True, slots=True)
class UncertainValue:
    """A value with the bounds of its energies, its variance over seeds and its other errors."""

    value: float
    energy_low: float = NAN
    energy_high: float = NAN
    seed_variance: float = NAN
    """The variance of this value, not of a single seed's."""
    seed_dof: int = 0
    """Degrees of freedom of that variance."""
    by_source: Mapping[str, float] = field(default_factory=dict, hash=False)
    """By source: what a sensor's gain or offset error can add."""

    @property
    def systematic(self) -> float:
        """Half-width of what the sensors' systematic errors can add; NaN where one is unknown."""
        return systematic_sum(self.by_source, self.value)

    @property
    def seed_half_width(self) -> float:
        """Half of the 95 % t interval over seeds; NaN with fewer than two seeds."""
        if math.isnan(self.seed_variance) or self.seed_dof < 1:
            return NAN
        return t_quantile(self.seed_dof) * math.sqrt(self.seed_variance)

    @property
    def low(self) -> float:
        """The lower end of the interval; not below zero for a value that is not."""
        below = _combined(self.value - self.energy_low, self.seed_half_width)
        return self.value - (min(below, self.value) if self.value >= 0 else below)

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.value + _combined(self.energy_high - self.value, self.seed_half_width)

    @property
    def sources(self) -> tuple[str, ...]:
        """The uncertainties in the interval: ``energy``, ``seeds``, both or none."""
        known = {"energy": self.energy_low, "seeds": self.seed_half_width}
        return tuple(name for name, figure in known.items() if not math.isnan(figure))

    @property
    def over_seeds_alone(self) -> tuple[float, float]:
        """The interval if all energies err alike, as those of one sensor may."""
        return self.value - self.seed_half_width, self.value + self.seed_half_width

    def __truediv__(self, other: "UncertainValue") -> "UncertainValue":
        """The ratio of two positive values whose seeds are independent."""
        value = _divided(self.value, other.value)
        parts = [_relative_variance(part) for part in (self, other)]
        dofs = (self.seed_dof, other.seed_dof)
        relative = sum(parts)
        return UncertainValue(
            value,
            _divided(self.energy_low, other.energy_high),
            _divided(self.energy_high, other.energy_low),
            value**2 * relative,
            welch_dof(list(zip(parts, dofs, strict=True))),
            _systematic_of_ratio(self, other, value),
        )


@dataclass(frozen=True, slots=True)
class Term:
    """One value in a weighted mean; ``seed`` names its draw, one of several in a ``stratum``."""

    weight: float
    value: UncertainValue
    stratum: Hashable
    """The size; means are over sizes as well as over seeds."""
    group: Hashable
    """Criterion and size; the terms of one group differ in their seed alone."""
    seed: Hashable


def weighted_mean(terms: Sequence[Term]) -> UncertainValue:
    """The sum of weights times values, whose weights add up to 1; there is at least one term."""

    def summed(figure: str) -> float:
        return math.fsum(term.weight * getattr(term.value, figure) for term in terms)

    strata: dict[Hashable, list[Term]] = {}
    for term in terms:
        strata.setdefault(term.stratum, []).append(term)
    spreads = [_seed_variance(members) for members in strata.values()]
    return UncertainValue(
        summed("value"),
        summed("energy_low"),
        summed("energy_high"),
        math.fsum(variance for variance, _ in spreads),
        welch_dof(spreads),
        _summed_by_source(terms),
    )


def welch_dof(variances: Sequence[tuple[float, int]]) -> int:
    """Degrees of freedom of a sum of variances with their own (Welch and Satterthwaite)."""
    total = sum(variance for variance, _ in variances)
    if math.isnan(total) or any(dof < 1 for _, dof in variances):
        return 0
    if total == 0:
        return sum(dof for _, dof in variances)
    parts = math.fsum((v / total) ** 2 / dof for v, dof in variances)
    return max(1, math.floor(1 / parts + 1e-9))


def _seed_variance(terms: Sequence[Term]) -> tuple[float, int]:
    """The variance that the seeds of one stratum add to a mean, and its degrees of freedom.

    Each seed deviates from the mean of its groups; its deviations under several criteria are one
    draw. NaN where a group has a single seed.
    """
    groups: dict[Hashable, list[Term]] = {}
    for term in terms:
        groups.setdefault(term.group, []).append(term)
    if any(len(members) < 2 for members in groups.values()):
        return NAN, 0
    deviations: dict[Hashable, float] = {}
    for members in groups.values():
        centre = _centre(members)
        for term in members:
            deviation = term.weight * (term.value.value - centre)
            deviations[term.seed] = deviations.get(term.seed, 0.0) + deviation
    dof = len(deviations) - 1
    return math.fsum(s**2 for s in deviations.values()) * (dof + 1) / dof, dof


def _centre(terms: Iterable[Term]) -> float:
    values = [term.value.value for term in terms]
    return math.fsum(values) / len(values)


def _combined(*half_widths: float) -> float:
    """Independent half-widths combined; NaN where all are unknown."""
    known = [half_width for half_width in half_widths if not math.isnan(half_width)]
    return math.hypot(*known) if known else NAN


def _relative_variance(part: UncertainValue) -> float:
    return part.seed_variance / part.value**2 if part.value else NAN


def _summed_by_source(terms: Sequence[Term]) -> dict[str, float]:
    by_source: dict[str, float] = {}
    for term in terms:
        for source, error in term.value.by_source.items():
            by_source[source] = by_source.get(source, 0.0) + term.weight * error
    return by_source


def _systematic_of_ratio(
    one: UncertainValue, other: UncertainValue, ratio: float
) -> dict[str, float]:
    """An error that moves both values by the same part leaves their ratio as it is."""
    if not one.value or not other.value:
        return dict.fromkeys({**one.by_source, **other.by_source}, NAN)
    return {
        source: ratio
        * (
            one.by_source.get(source, 0.0) / one.value
            - other.by_source.get(source, 0.0) / other.value
        )
        for source in {**one.by_source, **other.by_source}
    }


def _divided(one: float, other: float) -> float:
    if other > 0:
        return one / other
    return NAN if math.isnan(other) or one == 0 else math.inf
