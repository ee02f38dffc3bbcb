"""What is still to come of a grid: the time and the energy of the runs not yet done."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

Kind = tuple[str, ...]
"""What trainings that cost alike have in common, the finest last: dataset, architecture, size,
options, method."""


class Cost(NamedTuple):
    """Time and energy; null where the energy is not known."""

    duration_s: float
    energy_j: float | None

    def of(self, epochs: int) -> "Cost":
        """So many times this cost."""
        return Cost(
            self.duration_s * epochs, None if self.energy_j is None else self.energy_j * epochs
        )


@dataclass(slots=True)
class Forecast:
    """Learns the cost of an epoch from those done, and multiplies it by those to come.

    A kind of training of which nothing has been seen costs what the most similar ones did: the
    same architecture in another size, then any other. A forecast is an estimate for whoever
    waits; no figure of a run depends on it.
    """

    _seen: dict[Kind, list[tuple[int, Cost]]] = field(default_factory=dict)

    def learn(self, kind: Kind, epochs: int, cost: Cost) -> None:
        """A training of this kind took so much for so many epochs."""
        if epochs:
            self._seen.setdefault(kind, []).append((epochs, cost))

    def knowing(self, kind: Kind, epochs: int, cost: Cost) -> "Forecast":
        """This forecast with one more training, which has not ended, taken into account."""
        wiser = Forecast({known: list(seen) for known, seen in self._seen.items()})
        wiser.learn(kind, epochs, cost)
        return wiser

    def to_go(self, epochs_left: Iterable[tuple[Kind, int]]) -> Cost | None:
        """The cost of epochs of these kinds; None before anything has been seen."""
        duration_s, energy_j = 0.0, 0.0
        energy_is_known = True
        for kind, epochs in epochs_left:
            per_epoch = self._per_epoch(kind)
            if per_epoch is None:
                return None
            cost = per_epoch.of(epochs)
            duration_s += cost.duration_s
            energy_is_known = energy_is_known and cost.energy_j is not None
            energy_j += cost.energy_j or 0.0
        return Cost(duration_s, energy_j if energy_is_known else None)

    def _per_epoch(self, kind: Kind) -> Cost | None:
        for shared in range(len(kind), -1, -1):
            seen = [
                pair
                for other, pairs in self._seen.items()
                if other[:shared] == kind[:shared]
                for pair in pairs
            ]
            if seen:
                return _mean(seen)
        return None


def _mean(seen: list[tuple[int, Cost]]) -> Cost:
    epochs = sum(count for count, _ in seen)
    duration_s = sum(cost.duration_s for _, cost in seen)
    energies = [cost.energy_j for _, cost in seen]
    known = [energy for energy in energies if energy is not None]
    energy_j = sum(known) / epochs if len(known) == len(energies) else None
    return Cost(duration_s / epochs, energy_j)
