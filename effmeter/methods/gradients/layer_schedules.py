"""Which layers are approximated in which batches, and when a training has come to a plateau.

Source: Wang et al., gradient approximation in the backward pass of convolutional layers, the
approximation schedules and the switch to full gradients.
"""

import math
from dataclasses import dataclass
from typing import Literal

ScheduleName = Literal["s1", "s2", "s3", "cnn2", "all"]


@dataclass(frozen=True, slots=True)
class EveryNth:
    """Every n-th layer from ``first_layer`` on, in every m-th batch from ``first_batch`` on.

    Layers and batches count from 0, batches through the whole training.
    """

    layers: int = 1
    first_layer: int = 0
    batches: int = 1
    first_batch: int = 0

    def approximates(self, layer: int, batch: int) -> bool:
        """Whether this layer is approximated in this batch."""
        return _is_nth(layer, self.first_layer, self.layers) and _is_nth(
            batch, self.first_batch, self.batches
        )


SCHEDULES: dict[ScheduleName, EveryNth] = {
    "s1": EveryNth(layers=4, first_layer=1),
    "s2": EveryNth(layers=2, first_layer=1, batches=2, first_batch=1),
    "s3": EveryNth(batches=4, first_batch=3),
    "cnn2": EveryNth(layers=2, first_layer=1, batches=2, first_batch=1),
    "all": EveryNth(),
}
"""S1: every fourth layer from the second, in all batches; S2: every other layer, in every other
batch; S3: all layers, in every fourth batch. ``"cnn2"`` is the 2-layer network's: the second layer
in alternate batches, which is what S2 comes to there. The paper leaves open which layers and
batches come first: the first layer and the first batch are exact."""


def _is_nth(place: int, first: int, step: int) -> bool:
    return place >= first and (place - first) % step == 0


@dataclass(slots=True)
class Plateau:
    """Sees when the loss has stopped falling.

    A loss below ``best`` by more than the fraction ``threshold`` is progress; ``patience`` epochs
    in a row without any are a plateau, which lasts. With a patience of None there is never one.
    The paper does not define a plateau: patience and threshold are parameters.
    """

    patience: int | None = None
    threshold: float = 1e-3
    best: float = math.inf
    epochs_without_progress: int = 0
    reached: bool = False

    def see(self, loss: float) -> None:
        """The loss of one more epoch; one that is not a number is no progress."""
        first = math.isinf(self.best)
        if loss < (self.best if first else self.best - abs(self.best) * self.threshold):
            self.best = loss
            self.epochs_without_progress = 0
        else:
            self.epochs_without_progress += 1
        if self.patience is not None and self.epochs_without_progress >= self.patience:
            self.reached = True
