"""The energies of many windows, in columns: what ``Energy`` is to one window."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel
from effmeter.energy.estimated_part import EstimatedPart
from effmeter.energy.part_time import Values
from effmeter.energy.source import source_name
from effmeter.energy.systematic import NOT_STATED
from effmeter.energy.value import Energy


@dataclass(frozen=True, slots=True)
class EstimatedParts:
    """As ``EstimatedPart``: (n,) each."""

    value_j: Values
    low_j: Values
    high_j: Values
    factor: float

    @classmethod
    def of(cls, columns: Iterable[Values], factor: float) -> "EstimatedParts":
        """The parts with these values, lower and upper ends."""
        value_j, low_j, high_j = columns
        return cls(value_j, low_j, high_j, factor)

    @property
    def columns(self) -> tuple[Values, Values, Values]:
        """Values, lower and upper ends."""
        return self.value_j, self.low_j, self.high_j

    @property
    def bounds_j(self) -> tuple[Values, Values]:
        """The intervals with the factor."""
        low_j, high_j, factor = self.low_j, self.high_j, self.factor
        return (
            np.where(low_j > 0, low_j / factor, low_j * factor),
            np.where(high_j > 0, high_j * factor, high_j / factor),
        )


@dataclass(frozen=True, slots=True)
class Energies:
    """The energies of n windows (J), with their errors by source: (n,) each."""

    value_j: Values
    low_j: Values
    high_j: Values
    is_known: NDArray[np.bool_]
    systematic: dict[str, Values] = field(default_factory=dict)
    estimates: dict[str, EstimatedParts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.value_j)

    def at(self, place: int) -> Energy | None:
        """The energy of one window; None where it is unknown."""
        if not self.is_known[place]:
            return None
        systematic = {
            name: error
            for name, errors in self.systematic.items()
            if (error := float(errors[place]))
        }
        estimates = {
            name: EstimatedPart(
                float(part.value_j[place]),
                float(part.low_j[place]),
                float(part.high_j[place]),
                part.factor,
            )
            for name, part in self.estimates.items()
        }
        ends = (self.low_j[place], self.high_j[place])
        return Energy(self.value_j[place], *ends, systematic, estimates)

    @property
    def systematic_j(self) -> Values:
        """As of each energy: half-widths of what the sensors' errors can add."""
        known = [abs(e) for name, e in self.systematic.items() if not name.endswith(NOT_STATED)]
        summed = np.sum(known, axis=0) if known else np.zeros(len(self))
        unknown = [abs(e) > 0 for name, e in self.systematic.items() if name.endswith(NOT_STATED)]
        return np.where(np.any(unknown, axis=0), np.nan, summed) if unknown else summed

    def holding(self, other: "Energies") -> "Energies":
        """Energies whose intervals hold, where known, what another sensor shows."""
        low_j = np.minimum(self.low_j, np.maximum(0.0, other.low_j - other.systematic_j))
        high_j = np.maximum(self.high_j, other.high_j + other.systematic_j)
        return replace(
            self,
            low_j=np.where(other.is_known, low_j, self.low_j),
            high_j=np.where(other.is_known, high_j, self.high_j),
        )


def unknown_energies(count: int) -> Energies:
    """As many energies that are unknown."""
    nothing = np.full(count, np.nan)
    return Energies(nothing, nothing, nothing, np.zeros(count, np.bool_))


def placed(energies: Energies, places: NDArray[np.intp], count: int) -> Energies:
    """Energies at some of so many places; the others are unknown."""
    if len(places) == count:
        return energies
    return instead(unknown_energies(count), places, energies)


def instead(energies: Energies, places: NDArray[np.intp], others: Energies) -> Energies:
    """Energies with others at some places."""

    def mixed(one: Values | None, other: Values | None) -> Values:
        found = np.zeros(len(energies)) if one is None else one.copy()
        found[places] = 0.0 if other is None else other
        return found

    def mixed_parts(name: str) -> EstimatedParts:
        own, their = energies.estimates.get(name), others.estimates.get(name)
        columns = (
            mixed(own.columns[k] if own else None, their.columns[k] if their else None)
            for k in range(3)
        )
        factor = max(part.factor for part in (own, their) if part is not None)
        return EstimatedParts.of(columns, factor)

    is_known = energies.is_known.copy()
    is_known[places] = others.is_known
    one, other = energies.systematic, others.systematic
    return Energies(
        mixed(energies.value_j, others.value_j),
        mixed(energies.low_j, others.low_j),
        mixed(energies.high_j, others.high_j),
        is_known,
        {name: mixed(one.get(name), other.get(name)) for name in one | other},
        {name: mixed_parts(name) for name in energies.estimates | others.estimates},
    )


def summed(parts: Sequence[Energies]) -> Energies:
    """The sum of energies of different sources; unknown where one of them is."""
    first = parts[0]
    value_j, low_j, high_j, is_known = first.value_j, first.low_j, first.high_j, first.is_known
    systematic, estimates = dict(first.systematic), dict(first.estimates)
    for part in parts[1:]:
        value_j, low_j, high_j = value_j + part.value_j, low_j + part.low_j, high_j + part.high_j
        is_known = is_known & part.is_known
        for name, errors in part.systematic.items():
            systematic[name] = systematic[name] + errors if name in systematic else errors
        estimates.update(part.estimates)
    return Energies(value_j, low_j, high_j, is_known, systematic, estimates)


def channel_energies(
    channel: Channel,
    duration_s: Values,
    value_j: Values,
    low_j: Values,
    high_j: Values,
    host: str = "",
) -> Energies:
    """The energies that one channel shows; as ``channel_energy`` of each window."""
    if channel.calibration is not None:
        gain, offset_j = channel.calibration.gain, channel.calibration.offset_w * duration_s
        value_j, low_j, high_j = (gain * j + offset_j for j in (value_j, low_j, high_j))
    if channel.noise_fraction:
        noise_j = channel.noise_fraction * np.abs(value_j)
        least_j = np.minimum(low_j, 0.0)
        low_j = np.maximum(least_j, value_j - np.hypot(value_j - low_j, noise_j))
        high_j = value_j + np.hypot(high_j - value_j, noise_j)
    source = source_name(channel, host)
    systematic = {
        source: value_j * channel.gain_error_fraction,
        f"{source} offset": duration_s * channel.offset_error_w,
        f"{source}{NOT_STATED}": value_j if channel.is_gain_unknown else np.zeros(len(value_j)),
    }
    systematic = {name: errors for name, errors in systematic.items() if errors.any()}
    is_known = np.ones(len(value_j), np.bool_)
    if channel.estimate_factor == 1:
        return Energies(value_j, low_j, high_j, is_known, systematic)
    parts = EstimatedParts(value_j, low_j, high_j, channel.estimate_factor)
    return Energies(value_j, *parts.bounds_j, is_known, systematic, {source: parts})


def with_least_factor(energies: Energies, least: float) -> Energies:
    """Energies of one estimate that is off by at least this factor."""
    if all(part.factor >= least for part in energies.estimates.values()):
        return energies
    parts = {
        name: replace(part, factor=max(part.factor, least))
        for name, part in energies.estimates.items()
    }
    (low_j, high_j) = _rebounded(energies, parts.items())
    return replace(energies, low_j=low_j, high_j=high_j, estimates=parts)


def _rebounded(
    energies: Energies, parts: Iterable[tuple[str, EstimatedParts]]
) -> tuple[Values, Values]:
    low_j, high_j = energies.low_j, energies.high_j
    for name, part in parts:
        before = energies.estimates[name].bounds_j
        low_j = low_j - before[0] + part.bounds_j[0]
        high_j = high_j - before[1] + part.bounds_j[1]
    return low_j, high_j
