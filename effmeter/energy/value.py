"""An energy with its interval and its errors by source.

**Kinds of error.** What differs from window to window (boundaries, sampling, noise, gaps) makes
the interval. The *gain error* of a sensor, in proportion to the energy, and its *offset error*,
in proportion to the time, stand apart as systematic; the *factor* of an estimate widens the
interval. Each is the same in all energies of one source, so each is kept by source: it adds with
its sign, and cancels in differences of the same source (a gain error between equal energies, an
offset error between equal durations) and in ratios.

**Bounds add.** The interval of a sum reaches from the sum of the lower ends to the sum of the
upper ends: windows of one run may share a boundary, channels of one machine may err together,
and what a gap can hide is a bound rather than a random error. Only ``total(...,
independent=True)`` combines the window errors by variance, for energies of separate recordings.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import overload

from effmeter.energy.estimated_part import EstimatedPart, shared_factor_j
from effmeter.energy.systematic import systematic_sum
from effmeter.energy.text import NOT_KNOWN, energy_words

MAX_SHARED_ESTIMATES = 8
"""Whose common factors a ratio of energies takes into account; machines have two or three."""


@dataclass(frozen=True, slots=True)
class EnergyRatio:
    """The ratio of two energies, its 95 % interval, and what systematic errors can add to it."""

    value: float
    low: float
    high: float
    systematic: float = 0.0
    """Half-width of what the systematic errors that the two do not share can add; NaN: unknown."""


@dataclass(frozen=True, slots=True)
class Energy:
    """An energy (J) and the interval that holds it in 95 % of cases, systematic errors apart."""

    value_j: float
    low_j: float
    high_j: float
    systematic: Mapping[str, float] = field(default_factory=dict, hash=False)
    """By source: what a sensor's gain or offset error can add (J); negative where the sensor's
    energy was subtracted."""
    estimates: Mapping[str, EstimatedPart] = field(default_factory=dict, hash=False)
    """By estimate: its part of this energy. The interval includes them."""

    def __post_init__(self) -> None:
        """Plain floats, whatever number the caller computed with."""
        for name in ("value_j", "low_j", "high_j"):
            object.__setattr__(self, name, float(getattr(self, name)))

    @classmethod
    def exactly(cls, value_j: float) -> "Energy":
        """An energy without error, such as a budget."""
        return cls(value_j, value_j, value_j)

    @property
    def systematic_j(self) -> float:
        """Half-width of what the sensors' gain and offset errors can add to the interval.

        NaN where the gain error of one of them is not stated.
        """
        return systematic_sum(self.systematic, self.value_j)

    @property
    def half_width_j(self) -> float:
        """Half of the interval's width."""
        return (self.high_j - self.low_j) / 2

    def __str__(self) -> str:
        """The value with its interval: ``"1.23 kJ [1.20, 1.26]"``."""
        value, interval = energy_words(self.value_j, self.low_j, self.high_j)
        return f"{value} {interval}" if interval != NOT_KNOWN else f"{value}, interval {interval}"

    def __repr__(self) -> str:
        systematic = f", systematic_j={self.systematic_j!r}" if self.systematic else ""
        ends = f"low_j={self.low_j!r}, high_j={self.high_j!r}"
        return f"Energy(value_j={self.value_j!r}, {ends}{systematic})"

    def as_mapping(self) -> dict[str, float]:
        """The figures in plain types, as JSON reports print them."""
        return {
            "value_j": self.value_j,
            "low_j": self.low_j,
            "high_j": self.high_j,
            "systematic_j": self.systematic_j,
        }

    def __add__(self, other: "Energy") -> "Energy":
        """The sum; bounds add, errors of the same source add with their sign."""
        systematic = dict(self.systematic)
        for name, error_j in other.systematic.items():
            systematic[name] = systematic.get(name, 0.0) + error_j
        estimates = {**self.estimates, **other.estimates}
        low_j, high_j = self.low_j + other.low_j, self.high_j + other.high_j
        for name in self.estimates.keys() & other.estimates.keys():
            one, another = self.estimates[name], other.estimates[name]
            estimates[name] = one + another
            low_j += shared_factor_j(one, another, 0)
            high_j += shared_factor_j(one, another, 1)
        return Energy(self.value_j + other.value_j, low_j, high_j, systematic, estimates)

    def __neg__(self) -> "Energy":
        """The energy with its sign reversed."""
        return self * -1.0

    def __sub__(self, other: "Energy") -> "Energy":
        """The difference; what both take from the same source cancels."""
        return self + -other

    def __mul__(self, by: float) -> "Energy":
        """The energy and all its errors times a number."""
        by = float(by)
        low_j, high_j = (self.low_j, self.high_j) if by >= 0 else (self.high_j, self.low_j)
        return Energy(
            self.value_j * by,
            low_j * by,
            high_j * by,
            {name: error_j * by for name, error_j in self.systematic.items()},
            {name: part.scaled(by) for name, part in self.estimates.items()},
        )

    __rmul__ = __mul__

    @overload
    def __truediv__(self, other: float) -> "Energy": ...

    @overload
    def __truediv__(self, other: "Energy") -> EnergyRatio: ...

    def __truediv__(self, other: "float | Energy") -> "Energy | EnergyRatio":
        """The energy over a number, or its ratio to another energy."""
        if isinstance(other, Energy):
            return _ratio(self, other)
        return self._over(float(other))

    def _over(self, number: float) -> "Energy":
        # The ends by division: times 1 / number is off by a last digit.
        scaled = self * (1 / number)
        low_j, high_j = (self.low_j, self.high_j) if number > 0 else (self.high_j, self.low_j)
        return replace(
            scaled,
            value_j=self.value_j / number,
            low_j=low_j / number,
            high_j=high_j / number,
        )

    def not_below_zero(self) -> "Energy":
        """The energy where the truth is known not to be negative: no end lies below zero."""
        low_j, high_j = max(0.0, self.low_j), max(0.0, self.high_j)
        return replace(self, value_j=max(0.0, self.value_j), low_j=low_j, high_j=high_j)

    def without_estimates(self) -> "Energy":
        """The measured part of the energy."""
        ends_j = [part.bounds_j for part in self.estimates.values()]
        return Energy(
            self.value_j - math.fsum(part.value_j for part in self.estimates.values()),
            self.low_j - math.fsum(low_j for low_j, _ in ends_j),
            self.high_j - math.fsum(high_j for _, high_j in ends_j),
            self.systematic,
        )


def _ratio(one: Energy, other: Energy) -> EnergyRatio:
    """Of two energies; the factors and systematic errors that they share move both."""
    ends: list[float] = []
    for factors in _factors(one, other):
        over_j, under_j = _at_factors(one, factors), _at_factors(other, factors)
        if under_j[0] <= 0 <= under_j[1]:
            ends += [-math.inf, math.inf]
        else:
            ends += [a / b for a in over_j for b in under_j]
    value = one.value_j / other.value_j if other.value_j else math.nan
    moved: dict[str, float] = {}
    for name in one.systematic.keys() | other.systematic.keys() if other.value_j else ():
        moved_j = one.systematic.get(name, 0.0) - value * other.systematic.get(name, 0.0)
        moved[name] = moved_j / other.value_j
    return EnergyRatio(value, min(ends), max(ends), systematic_sum(moved, value))


def _factors(one: Energy, other: Energy) -> Iterable[Mapping[str, float]]:
    """Every combination of the extreme factors of the estimates in either.

    A ratio is monotonic in each factor, so these hold its extremes. Estimates beyond the
    ``MAX_SHARED_ESTIMATES`` widest keep their own intervals: the number of combinations doubles
    with each, and a file may come from anywhere.
    """
    widest = {
        name: max(e.estimates[name].factor for e in (one, other) if name in e.estimates)
        for name in {**one.estimates, **other.estimates}
    }
    chosen_first = sorted(widest, key=lambda name: widest[name], reverse=True)
    widest = {name: widest[name] for name in chosen_first[:MAX_SHARED_ESTIMATES]}
    extremes = ((1 / factor, factor) for factor in widest.values())
    return (dict(zip(widest, chosen, strict=True)) for chosen in product(*extremes))


def _at_factors(energy: Energy, factors: Mapping[str, float]) -> tuple[float, float]:
    """The interval if each estimate is off by the given factor."""
    measured = energy.without_estimates()
    low_j, high_j = measured.low_j, measured.high_j
    for name, part in energy.estimates.items():
        if name in factors:
            low_j += part.low_j * factors[name]
            high_j += part.high_j * factors[name]
        else:
            low_j += part.bounds_j[0]
            high_j += part.bounds_j[1]
    return low_j, high_j
