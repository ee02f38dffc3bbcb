"""GSkip: leave out the backward pass of layers whose gradient repeats while the loss is settled.

Source: Ibrahim et al., selective workload skipping, the section on GSkip. After each dense step
past a burn-in, a layer qualifies if the cosine of its gradient with its last one exceeds
``1 / (1 + exp(-0.2 counter))`` and the loss is within a tolerance of its moving average. The next
step then skips it *and every layer nearer the input*. Decided here, each a parameter: the
qualifying layer nearest the output sets how far; a skip lasts ``hold`` steps and a dense step
follows, whose gradient is compared with that of the last dense one, so with 1 at most every
second step skips.

Skipped layers have no gradient (None). PyTorch's optimizers then leave them alone:
weights, momentum and weight decay stand still. Their forward pass runs, and batch norm's
statistics move. A step is what lies between two optimizer steps, so gradients may be accumulated
and scaled; ``after_backward`` takes the unscaled loss.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.method import Batch, Method
from effmeter.methods.skipping.gskip_gates import LossGate, SimilarityGate
from effmeter.methods.skipping.progressive_freezing import ProgressiveFreezing, refuse_unfit
from effmeter.methods.skipping.random_skipping import RandomSkipping


class GSkip(Method):
    """Skips layers from the input up to where a gradient repeats; see the module.

    The burn-in is a number of steps, or ``burn_in_fraction`` of all epochs, which takes
    ``begin_epoch(epoch, epochs)`` with their number. The paper's 750 steps are more than a short
    training has: ``active`` then stays false. ``loss_tolerance`` is absolute as in the paper, or
    with ``relative_tolerance`` a fraction of the moving average of the last ``average_losses``.
    The counter and the change of the tolerance at the end of an epoch are described at
    ``SimilarityGate`` and ``LossGate``.
    """

    name = "gskip"
    acts_on = "layers"

    def __init__(
        self,
        *,
        burn_in_steps: int = 750,
        burn_in_fraction: float | None = None,
        hold: int = 1,
        loss_tolerance: float = 5e-5,
        relative_tolerance: bool = False,
        least_tolerance: float = 1e-6,
        most_tolerance_medians: float = 10.0,
        average_losses: int = 4,
        least_improvement_fraction: float = 0.0,
        counter_start: int = 10,
        counter_limit: int = 20,
        counter_step: int = 1,
        counter_patience: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        if hold < 1:
            raise UsageError(f"a skip holds for one step or more, not {hold}")
        if burn_in_fraction is not None and not 0.0 <= burn_in_fraction <= 1.0:
            raise UsageError(f"burn_in_fraction lies in [0, 1], not at {burn_in_fraction:g}")
        self._burn_in_steps, self._burn_in_fraction = burn_in_steps, burn_in_fraction
        self._hold = hold
        self._loss_gate = LossGate(
            loss_tolerance,
            relative_tolerance,
            least_tolerance,
            most_tolerance_medians,
            average_losses,
            least_improvement_fraction,
        )
        self._similarity = SimilarityGate(
            counter_start, counter_limit, counter_step, counter_patience
        )
        self._steps = self._skipped_steps = 0
        self._epoch_fraction = 0.0
        self._skip_to: str | None = None
        self._skips_left = 0
        self._losses: list[Tensor] = []
        self._freezing: ProgressiveFreezing | None = None
        self._order: tuple[str, ...] = ()
        self._hook: RemovableHandle | None = None

    @property
    def active(self) -> bool:
        """Whether it has skipped in any step so far."""
        return self._skipped_steps > 0

    def begin_epoch(self, epoch: int, epochs: int | None = None) -> None:
        """UnfitError without the number of epochs where the burn-in is a fraction of them."""
        if self._burn_in_fraction is None:
            return
        if epochs is None:
            raise UnfitError(
                "burn_in_fraction needs to know how many epochs there are: call "
                "begin_epoch(epoch, epochs), or give burn_in_steps instead"
            )
        self._epoch_fraction = epoch / epochs

    def select(self, batch: Batch) -> Batch:
        """All of the batch; the layers to skip are frozen."""
        self._frozen().freeze(self._skip_to)
        return batch

    def after_backward(self, loss: Tensor) -> None:
        """Take in the loss; the gradients are compared when the optimizer steps."""
        self._losses.append(loss.detach().float())

    def end_epoch(self, loss: float) -> None:
        """A loss that fell relaxes the tolerance; one that did not begins anew, more strictly."""
        super().end_epoch(loss)
        if self._loss_gate.end_epoch(loss):
            self._similarity.reset()

    def control(self, *, seed: int = 0, epochs_per_segment: int = 30) -> RandomSkipping:
        """Random layers, at random steps, of the work that this one has done.

        UnfitError before it has trained.
        """
        return RandomSkipping.matching(self, "layer", seed, epochs_per_segment)

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        refuse_unfit(model, self.name, self._order)

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        self._freezing = ProgressiveFreezing(model, account, self._order)
        self._hook = optimizer.register_step_pre_hook(self._before_step)

    def _detach(self) -> None:
        self._frozen().close()
        if self._hook is not None:
            self._hook.remove()
        self._freezing, self._hook = None, None

    def _frozen(self) -> ProgressiveFreezing:
        assert self._freezing is not None, "attached methods only"
        return self._freezing

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Decide what the next step skips; gradients are whole now, and not yet used."""
        if not self._losses:
            return
        distance = self._loss_gate.distance(torch.stack(self._losses).mean())
        self._losses = []
        self._order = self._frozen().settle()
        self._steps += 1
        if self._skip_to is not None:
            self._skipped_steps += 1
            self._skips_left -= 1
            self._skip_to = self._skip_to if self._skips_left else None
        elif self._is_burned_in():
            self._skip_to = self._furthest_qualifying(distance)
            self._skips_left = self._hold

    def _is_burned_in(self) -> bool:
        if self._burn_in_fraction is not None:
            return self._epoch_fraction >= self._burn_in_fraction
        return self._steps > self._burn_in_steps

    def _furthest_qualifying(self, distance: Tensor) -> str | None:
        compared = self._similarity.compare(self._gradients())
        if not compared:
            return None
        # One wait for the device, whatever the number of layers.
        *cosines, distance_now = torch.stack([*compared.values(), distance]).tolist()
        chosen = None
        if distance_now <= self._loss_gate.tolerance:
            for layer, cosine in zip(compared, cosines, strict=True):
                chosen = layer if cosine > self._similarity.threshold(layer) else chosen
        skipped = chosen is not None
        for layer in compared:
            self._similarity.decided(layer, skipped)
            skipped = skipped and layer != chosen
        return chosen

    def _gradients(self) -> dict[str, list[Tensor]]:
        layers = self._frozen()
        gradients = {
            layer: [p.grad for p in layers.parameters(layer) if p.grad is not None]
            for layer in layers.boundaries
        }
        return {layer: parts for layer, parts in gradients.items() if parts}

    def _state(self) -> dict[str, Any]:
        return {
            "steps": self._steps,
            "skipped_steps": self._skipped_steps,
            "skip_to": self._skip_to,
            "skips_left": self._skips_left,
            "order": list(self._order),
            "loss_gate": self._loss_gate.state(),
            "similarity": self._similarity.state(),
        }

    def _load_state(self, state: Mapping[str, Any]) -> None:
        self._steps, self._skipped_steps = state["steps"], state["skipped_steps"]
        self._skip_to, self._skips_left = state["skip_to"], state["skips_left"]
        self._order = tuple(state["order"])
        self._loss_gate.restore(state["loss_gate"])
        self._similarity.restore(state["similarity"])
        if self._freezing is not None:
            self._freezing.adopt(self._order)
