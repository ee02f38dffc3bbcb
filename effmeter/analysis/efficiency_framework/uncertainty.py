"""Values with what is known of their uncertainty, their means and their ratios.

Three things can be uncertain about an efficiency, and they behave differently:

- **its energy.** Readings, gaps and estimates may err alike in every run, so a mean does not
  narrow what they leave open: bounds are averaged like values, and in a ratio the lower end of
  one meets the upper end of the other.
- **its seed.** Another seed gives another value. Seeds of one size vary independently of those
  of another, so their variances add (a t interval; degrees of freedom after Welch and
  Satterthwaite). The criteria of one run share its seed, and count as one draw.
- **the sensor's gain error**, kept apart as systematic: it is added up, never averaged away.

``low`` and ``high`` combine the first two as independent, by the root of the sum of squares on
each side. What nobody stated is NaN, not zero: an interval then holds what is known alone, and
is NaN where nothing is.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from effmeter.analysis.t_distribution import t_quantile

NAN = math.nan


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A value, the bounds that its energies leave, its variance over seeds, its gain error."""

    value: float
    energy_low: float = NAN
    energy_high: float = NAN
    seed_variance: float = NAN
    """Of this value, not of a single seed's."""
    seed_freedom: int = 0
    """Degrees of freedom of that variance."""
    systematic: float = 0.0
    """Half-width of what stated gain errors can add."""

    @property
    def seed_half_width(self) -> float:
        """Half of the 95 % t interval over seeds; NaN where fewer than two seeds tell."""
        if math.isnan(self.seed_variance) or self.seed_freedom < 1:
            return NAN
        return t_quantile(self.seed_freedom) * math.sqrt(self.seed_variance)

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
        """What the interval takes in: ``energy``, ``seeds``, both or nothing."""
        known = {"energy": self.energy_low, "seeds": self.seed_half_width}
        return tuple(name for name, figure in known.items() if not math.isnan(figure))

    @property
    def over_seeds_alone(self) -> tuple[float, float]:
        """The interval if all energies err alike, as those of one sensor may."""
        return self.value - self.seed_half_width, self.value + self.seed_half_width

    def __truediv__(self, other: "Uncertain") -> "Uncertain":
        """The ratio of two positive values, of other seeds each."""
        value = _divided(self.value, other.value)
        parts = [_relative_variance(part) for part in (self, other)]
        freedoms = (self.seed_freedom, other.seed_freedom)
        relative = sum(parts)
        return Uncertain(
            value,
            _divided(self.energy_low, other.energy_high),
            _divided(self.energy_high, other.energy_low),
            value**2 * relative,
            welch_freedom(list(zip(parts, freedoms, strict=True))),
            value * (_relative_systematic(self) + _relative_systematic(other)),
        )


@dataclass(frozen=True, slots=True)
class Term:
    """One value in a weighted mean; ``seed`` names its draw, of which ``stratum`` has several."""

    weight: float
    value: Uncertain
    stratum: Hashable
    """What is averaged over besides seeds: the size."""
    cell: Hashable
    """What differs in nothing but the seed: criterion and size."""
    seed: Hashable


def weighted_mean(terms: Sequence[Term]) -> Uncertain:
    """The sum of weights times values, whose weights add up to 1; there is at least one term."""

    def summed(figure: str) -> float:
        return math.fsum(term.weight * getattr(term.value, figure) for term in terms)

    strata: dict[Hashable, list[Term]] = {}
    for term in terms:
        strata.setdefault(term.stratum, []).append(term)
    spreads = [_seed_variance(members) for members in strata.values()]
    return Uncertain(
        summed("value"),
        summed("energy_low"),
        summed("energy_high"),
        math.fsum(variance for variance, _ in spreads),
        welch_freedom(spreads),
        summed("systematic"),
    )


def welch_freedom(variances: Sequence[tuple[float, int]]) -> int:
    """Degrees of freedom of a sum of variances with their own (Welch and Satterthwaite)."""
    total = sum(variance for variance, _ in variances)
    if math.isnan(total) or any(freedom < 1 for _, freedom in variances):
        return 0
    if total == 0:
        return sum(freedom for _, freedom in variances)
    parts = math.fsum((v / total) ** 2 / freedom for v, freedom in variances)
    return max(1, math.floor(1 / parts + 1e-9))


def _seed_variance(terms: Sequence[Term]) -> tuple[float, int]:
    """What the seeds of one stratum add to the variance of a mean, and its degrees of freedom.

    Each seed strays from the mean of its cells; what it strays by over several criteria is one
    draw. Unknown where a cell has a single seed.
    """
    cells: dict[Hashable, list[Term]] = {}
    for term in terms:
        cells.setdefault(term.cell, []).append(term)
    if any(len(members) < 2 for members in cells.values()):
        return NAN, 0
    strayed: dict[Hashable, float] = {}
    for members in cells.values():
        centre = _centre(members)
        for term in members:
            strays = term.weight * (term.value.value - centre)
            strayed[term.seed] = strayed.get(term.seed, 0.0) + strays
    freedom = len(strayed) - 1
    return math.fsum(s**2 for s in strayed.values()) * (freedom + 1) / freedom, freedom


def _centre(terms: Iterable[Term]) -> float:
    values = [term.value.value for term in terms]
    return math.fsum(values) / len(values)


def _combined(*half_widths: float) -> float:
    """Independent half-widths in one; NaN where none is known."""
    known = [half_width for half_width in half_widths if not math.isnan(half_width)]
    return math.hypot(*known) if known else NAN


def _relative_variance(part: Uncertain) -> float:
    return part.seed_variance / part.value**2 if part.value else NAN


def _relative_systematic(part: Uncertain) -> float:
    return part.systematic / part.value if part.value else NAN


def _divided(one: float, other: float) -> float:
    if other > 0:
        return one / other
    return NAN if math.isnan(other) or one == 0 else math.inf
