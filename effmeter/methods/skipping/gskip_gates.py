"""The two questions that GSkip asks before it skips: is the loss settled, does a gradient repeat?

Source: Ibrahim et al., selective workload skipping, the section on GSkip: the moving average of
the loss (LEMA) and the adaptive saturating counter (ASC). What it leaves open is a field here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from effmeter.methods.ops import operators

STEEPNESS = 0.2


def similarity_threshold(counter: float) -> float:
    """What the cosine of two gradients must exceed: ``1 / (1 + exp(-0.2 counter))``."""
    return 1.0 / (1.0 + math.exp(-STEEPNESS * counter))


def cosine(sums: Tensor) -> Tensor:
    """Of two gradients from the sums (parts, 3) of ``operators.similarity``; NaN if one is zero."""
    product, now, before = sums.sum(0)
    found: Tensor = product / (now.sqrt() * before.sqrt())
    return found


@dataclass(slots=True)
class LossGate:
    """Whether the loss stays near the moving average of the losses before it.

    ``tolerance`` is of the loss's own unit, or with ``relative`` a fraction of the average. After
    an epoch whose loss fell it doubles, otherwise it halves, within ``least_tolerance`` and
    ``most_tolerance_medians`` times the median distance of the epoch.
    """

    tolerance: float = 5e-5
    relative: bool = False
    least_tolerance: float = 1e-6
    most_tolerance_medians: float = 10.0
    losses: int = 4
    """How many the average goes back: its weight of the newest is 2 / (losses + 1)."""
    least_improvement_fraction: float = 0.0
    _average: Tensor | None = None
    _distances: list[Tensor] = field(default_factory=list)
    _epoch_loss: float = math.inf

    def distance(self, loss: Tensor) -> Tensor:
        """How far this loss lies from the average before it, which then takes it in.

        On the loss's device, so that nothing waits for it; infinite for the first loss.
        """
        if self._average is None:
            self._average = loss.clone()
            return torch.full_like(loss, math.inf)
        distance = (loss - self._average).abs()
        if self.relative:
            distance = distance / self._average.abs()
        self._average = torch.lerp(self._average, loss, 2.0 / (self.losses + 1))
        self._distances.append(distance)
        return distance

    def end_epoch(self, loss: float) -> bool:
        """Whether the mean loss of the epoch did not fall; the tolerance follows.

        A loss of NaN is that of an epoch without a trained batch: it says and changes nothing.
        """
        if math.isnan(loss):
            return False
        improved = loss < self._epoch_loss * (1.0 - self.least_improvement_fraction)
        self._epoch_loss = loss
        most = math.inf
        if self._distances:
            most = self.most_tolerance_medians * torch.stack(self._distances).median().item()
        wished = self.tolerance * (2.0 if improved else 0.5)
        self.tolerance = max(min(wished, most), self.least_tolerance)
        self._distances = []
        return not improved

    def state(self) -> dict[str, Any]:
        """For ``restore``."""
        return {
            "tolerance": self.tolerance,
            "average": self._average,
            "distances": list(self._distances),
            "epoch_loss": self._epoch_loss,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self.tolerance, self._average = state["tolerance"], state["average"]
        self._distances, self._epoch_loss = list(state["distances"]), state["epoch_loss"]


@dataclass(slots=True)
class SimilarityGate:
    """For each layer, how much its gradient must resemble the last one: a saturating counter.

    A layer that was skipped counts up by ``step``, which asks for more; one that was not in
    ``patience`` comparisons counts down. Counters stay within plus and minus ``limit``.
    """

    start: int = 10
    limit: int = 20
    step: int = 1
    patience: int = 3
    _counters: dict[str, int] = field(default_factory=dict)
    _waiting: dict[str, int] = field(default_factory=dict)
    _previous: dict[str, list[Tensor]] = field(default_factory=dict)

    def threshold(self, layer: str) -> float:
        """What the cosine of this layer must exceed."""
        return similarity_threshold(self._counters.get(layer, self.start))

    def compare(self, gradients: Mapping[str, Sequence[Tensor]]) -> dict[str, Tensor]:
        """The cosine of each layer's gradient with its last one, which it then replaces."""
        known = [layer for layer in gradients if layer in self._previous]
        sums: tuple[Tensor, ...] = ()
        if known:
            new, old = (
                [part for layer in known for part in parts[layer]]
                for parts in (gradients, self._previous)
            )
            counts = [len(gradients[layer]) for layer in known]
            sums = operators.similarity(new, old).split(counts)
        for layer in gradients.keys() - self._previous.keys():
            self._previous[layer] = [part.clone() for part in gradients[layer]]
        return {layer: cosine(of_layer) for layer, of_layer in zip(known, sums, strict=True)}

    def decided(self, layer: str, skipped: bool) -> None:
        """A compared layer is skipped next, or is not: its counter follows."""
        waiting = 0 if skipped else self._waiting.get(layer, 0) + 1
        change = self.step if skipped else -self.step if waiting >= self.patience else 0
        counter = self._counters.get(layer, self.start) + change
        self._counters[layer] = max(-self.limit, min(self.limit, counter))
        self._waiting[layer] = 0 if waiting >= self.patience else waiting

    def reset(self) -> None:
        """All counters at their start."""
        self._counters, self._waiting = {}, {}

    def state(self) -> dict[str, Any]:
        """For ``restore``."""
        return {
            "counters": dict(self._counters),
            "waiting": dict(self._waiting),
            "previous": {name: list(parts) for name, parts in self._previous.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._counters, self._waiting = dict(state["counters"]), dict(state["waiting"])
        self._previous = {
            name: [part.clone() for part in parts] for name, parts in state["previous"].items()
        }
