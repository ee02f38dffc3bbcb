"""Flags on observations that are probably wrong, so that no mean includes them silently.

Two checks. A printed efficiency that contradicts the metric and the energy printed beside it
(known where a table is read, see ``contradiction``); and an energy per epoch that is more than
threefold off both of the sizes next to it, which a slip in one digit or a shared machine gives.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from effmeter.analysis.efficiency_framework.observation import Observation, Observations

EPOCH_ENERGY_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """A number as it was printed, with the value of its last digit."""

    value: float
    last_digit: float

    @classmethod
    def of(cls, number: Decimal) -> "PrintedNumber":
        """From the text's digits: 2.08e5 is known to a thousand, 208000 to one."""
        exponent = number.as_tuple().exponent
        return cls(float(number), float(Decimal(10) ** int(exponent)))


def contradiction(
    metric: PrintedNumber, energy: PrintedNumber, efficiency: PrintedNumber
) -> str | None:
    """Why a printed efficiency cannot come from the metric and energy beside it; None if it can.

    All in the table's own units. Metric and efficiency may have been rounded, the energy rounded
    or truncated: the true one lies from half a last digit below to a whole one above.
    """
    metric_slack = metric.last_digit / 2
    most_energy = energy.value + energy.last_digit
    least_energy = energy.value - energy.last_digit / 2
    low = (metric.value - metric_slack) / most_energy - efficiency.last_digit / 2
    high = math.inf
    if least_energy > 0:
        high = (metric.value + metric_slack) / least_energy + efficiency.last_digit / 2
    if low <= efficiency.value <= high:
        return None
    follows = metric.value / energy.value
    return (
        f"printed efficiency {efficiency.value:.4g} contradicts {metric.value:.4g} over "
        f"{energy.value:.4g}, which is {follows:.4g}"
    )


def flagged(observations: Observations, factor: float = EPOCH_ENERGY_FACTOR) -> Observations:
    """The same, with flags on what uses another energy per epoch than its neighbouring sizes."""
    families: dict[tuple[str, ...], list[Observation]] = {}
    for seen in observations.observed:
        family = (seen.trial.dataset, seen.trial.architecture, seen.criterion)
        families.setdefault(family, []).append(seen)
    odd = {id(s): why for family in families.values() for s, why in _outliers(family, factor)}
    return replace(
        observations,
        observed=tuple(
            replace(seen, flags=(*seen.flags, odd[id(seen)])) if id(seen) in odd else seen
            for seen in observations.observed
        ),
    )


def _outliers(family: Sequence[Observation], factor: float) -> Iterable[tuple[Observation, str]]:
    """Observations whose energy per epoch is far above, or far below, both neighbouring sizes."""
    by_size: dict[float, list[float]] = {}
    for seen in family:
        if seen.epoch_energy_j is not None:
            by_size.setdefault(seen.trial.size, []).append(seen.epoch_energy_j)
    sizes = sorted(by_size)
    for seen in family:
        if seen.epoch_energy_j is None or len(sizes) < 3:
            continue
        near = _neighbours(sizes, seen.trial.size)
        times = [seen.epoch_energy_j / statistics.median(by_size[size]) for size in near]
        if min(times) > factor or max(times) < 1 / factor:
            compared = " and ".join(
                f"{t:.2g} times that of size {s:g}" for t, s in zip(times, near, strict=True)
            )
            yield seen, f"energy per epoch is {compared}"


def _neighbours(sizes: Sequence[float], size: float) -> tuple[float, float]:
    """The sizes on both sides; at an end the two nearest."""
    place = min(max(sizes.index(size), 1), len(sizes) - 2)
    around = [sizes[place - 1], sizes[place], sizes[place + 1]]
    around.remove(size)
    return around[0], around[1]
