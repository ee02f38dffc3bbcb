"""Random skipping: the control that a skipping method must beat at equal work.

Source: Ibrahim et al., selective workload skipping, the sections on random skipping and on the
guidelines for evaluation. Four levels, each at a fixed rate or at the rate that gives the work of
another run, segment by segment:

- ``batch``: the batch is left out, nothing is computed;
- ``sample``: each row of the batch for itself;
- ``step``: the forward pass runs, so that batch norm's statistics move; the backward pass and
  the optimizer's step are left out (workload = 1 - backward share x rate);
- ``layer``: in a step that skips, the layers from the input up to a random one have no gradient.

The paper leaves open which layers a random skip takes; here as many as GSkip's would, since only
a skip from the input on saves the backward pass.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.flops.work import LayerWork, Work
from effmeter.methods.method import ActsOn, Batch, Dense, Method
from effmeter.methods.skipping.progressive_freezing import ProgressiveFreezing, refuse_unfit
from effmeter.methods.skipping.rows import keep_rows

Level = Literal["batch", "sample", "step", "layer"]
_ACTS_ON: dict[Level, ActsOn] = {
    "batch": "batches",
    "sample": "samples",
    "step": "batches",
    "layer": "layers",
}


class RandomSkipping(Method):
    """Skips at random at one level.

    ``rate`` is how often: the probability of each batch, row or step. ``executed_fractions`` takes
    its place: executed over dense work (forward and backward) in each segment of
    ``epochs_per_segment`` epochs, as ``Method.executed_fractions`` of another run gives it; epochs
    past the last segment go on like it. The first step is dense at levels ``step`` and ``layer``:
    what a skip saves is known after it. A batch of which fewer rows than ``fewest_rows`` are left
    is skipped whole, since batch norm cannot take a single row. UsageError for a fraction that the
    level cannot come down to, once that is known.
    """

    name = "random-skipping"

    def __init__(
        self,
        level: Level = "batch",
        rate: float = 0.5,
        *,
        executed_fractions: tuple[float, ...] = (),
        epochs_per_segment: int = 30,
        fewest_rows: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        for fraction in (rate, *executed_fractions):
            if not 0.0 <= fraction <= 1.0:
                raise UsageError(f"rates and executed fractions lie in [0, 1], not at {fraction:g}")
        if epochs_per_segment < 1:
            raise UsageError(f"a segment has one epoch or more, not {epochs_per_segment}")
        self.acts_on = _ACTS_ON[level]
        self.level: Level = level
        self._rate, self._fractions = rate, executed_fractions
        self._epochs_per_segment, self._fewest_rows = epochs_per_segment, fewest_rows
        self._segment = 0
        self._skipped = False
        self._saving: float | None = None
        self._model: nn.Module | None = None
        self._freezing: ProgressiveFreezing | None = None
        self._order: tuple[str, ...] = ()

    @classmethod
    def matching(
        cls, method: Method, level: Level, seed: int, epochs_per_segment: int
    ) -> "RandomSkipping":
        """Of the work that a method has done; more than the dense work counts as dense.

        UnfitError if the method has not trained, or nothing that it did was counted.
        """
        fractions = method.executed_fractions(epochs_per_segment)
        if not fractions:
            raise UnfitError(
                f"{method.name} has no work to repeat yet: let it train first, on a model with "
                "layers that are counted"
            )
        return cls(
            level,
            executed_fractions=tuple(min(fraction, 1.0) for fraction in fractions),
            epochs_per_segment=epochs_per_segment,
            seed=seed,
        )

    @property
    def active(self) -> bool:
        """Whether it has skipped anything so far."""
        return self._skipped

    def begin_epoch(self, epoch: int, epochs: int | None = None) -> None:
        """The work of another run may change from segment to segment."""
        self._segment = epoch // self._epochs_per_segment

    def select(self, batch: Batch) -> Batch | None:
        """What is left of the batch."""
        rate = self._rate_now()
        if self.level == "sample":
            kept = torch.rand(len(batch), generator=self.generator) >= rate
            left = keep_rows(batch, kept, self._fewest_rows)
            self._skipped |= left is not batch
            return left
        skips = torch.rand((), generator=self.generator).item() < rate
        self._skipped |= skips
        if self.level == "layer":
            self._freeze(skips)
            return batch
        if skips and self.level == "step":
            assert self._model is not None, "attached methods only"
            with torch.no_grad():
                self._model(batch.inputs)
        return None if skips else batch

    def control(self, *, seed: int = 0) -> Dense:
        """The dense training, to be stopped early at equal time or energy."""
        return Dense(seed=seed)

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        if self.level == "layer":
            refuse_unfit(model, self.name, self._order)

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        self._model = model
        if self.level == "layer":
            self._freezing = ProgressiveFreezing(model, account, self._order)

    def _detach(self) -> None:
        if self._freezing is not None:
            self._freezing.close()
        self._model, self._freezing = None, None

    def _rate_now(self) -> float:
        saving = self._saving_of_a_skip()
        if saving == 0.0 or not self._fractions:
            return self._rate if saving else 0.0
        executed = self._fractions[min(self._segment, len(self._fractions) - 1)]
        if 1.0 - executed > saving + 1e-9:
            raise UnfitError(
                f"skipping at level {self.level} leaves {1.0 - saving:.3f} of the work at least, "
                f"and {executed:.3f} is asked for: choose another level"
            )
        return min(1.0, (1.0 - executed) / saving)

    def _saving_of_a_skip(self) -> float:
        """The part of a dense step that a skip leaves out, on average; 0 while not known."""
        if self.level in ("batch", "sample"):
            return 1.0
        if self._saving is None:
            if self._freezing is not None:
                self._order = self._freezing.settle()
            step = self.work()
            if not step.executed.total:
                return 0.0
            self._saving = (
                step.executed.backward / step.executed.total
                if self._freezing is None
                else _mean_saving(step, self._freezing.order, self._freezing.boundaries)
            )
        return self._saving

    def _freeze(self, skips: bool) -> None:
        assert self._freezing is not None, "attached at level layer only"
        if not skips:
            self._freezing.freeze(None)
            return
        boundaries = self._freezing.boundaries
        chosen = int(torch.randint(len(boundaries), (), generator=self.generator))
        self._freezing.freeze(boundaries[chosen])

    def _state(self) -> dict[str, Any]:
        return {
            "segment": self._segment,
            "skipped": self._skipped,
            "saving": self._saving,
            "order": list(self._order),
        }

    def _load_state(self, state: Mapping[str, Any]) -> None:
        self._segment, self._skipped = state["segment"], state["skipped"]
        self._saving = state["saving"]
        self._order = tuple(state["order"])
        if self._freezing is not None:
            self._freezing.adopt(self._order)


def _mean_saving(step: Work, order: Sequence[str], boundaries: Sequence[str]) -> float:
    """Of a dense step's work, what a skip up to a random boundary saves on average."""
    layers = {layer.name: layer for layer in step}
    counted = [layers.get(name) for name in order]
    saved, left_out = 0.0, 0.0
    for name, layer, behind in zip(order, counted, [*counted[1:], None], strict=True):
        left_out += layer.executed.backward if layer is not None else 0.0
        if name in boundaries:
            saved += left_out + _input_gradient(behind)
    return saved / len(boundaries) / step.executed.total


def _input_gradient(layer: LayerWork | None) -> float:
    """The layer behind a boundary gives no gradient to its input; batch norm's is one with all."""
    if layer is None or layer.kind in ("batch norm", "group norm"):
        return 0.0
    return layer.executed.backward_input
