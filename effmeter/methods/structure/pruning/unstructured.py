"""Unstructured pruning: single weights, drawn before training, stay 0.

Source: Boumendil et al., Grow, prune or select data, after Liu et al., The unreasonable
effectiveness of random pruning. On dense hardware nothing is saved: the zeros are multiplied like
any other number, and ``work()`` says so.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from effmeter.errors import UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.method import AttachError, Cycle, Method
from effmeter.methods.structure.pruning.density import kept_counts


class ErPruning(Method):
    """Keeps a random part of the weights of all convolutions and linear layers.

    ``density`` is the fraction kept in all, shared out by ``ratios``: ``er`` or ``erk`` (see
    ``effmeter.methods.structure.pruning.density``) or ``uniform``, the control. Counts are
    exact. Biases and norms stay whole. The mask is applied when the method is attached and
    again after every step of the optimizer; once it comes off, pruned weights train like any
    other.
    """

    name = "er-pruning"
    acts_on = "structure"

    def __init__(
        self,
        *,
        density: float = 0.5,
        ratios: Literal["er", "erk", "uniform"] = "er",
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        if not 0.0 < density <= 1.0:
            raise UsageError(f"density lies above 0 and up to 1, not {density}")
        self.density = density
        self.ratios = ratios
        self._masks: dict[str, Tensor] = {}
        self._weights: dict[str, Tensor] = {}
        self._hook: RemovableHandle | None = None

    def control(self, *, seed: int = 0) -> "ErPruning":
        """The same density in every layer."""
        return ErPruning(density=self.density, ratios="uniform", seed=seed)

    def cycle(self, epochs: int | None = None) -> Cycle:
        """Every step is the same, and dense."""
        return Cycle()

    @property
    def masks(self) -> Mapping[str, Tensor]:
        """Which weights are kept (bool, of the weight's shape), by the name of the layer."""
        return self._masks

    @property
    def active(self) -> bool:
        """Whether it has silenced any weight, though no work is saved by it."""
        return any(not bool(mask.all()) for mask in self._masks.values())

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        weights = prunable_weights(model)
        for name in weights:
            if "weight" not in model.get_submodule(name)._parameters:
                raise AttachError(f"the weight of {name} is parametrized: there is none to mask")
        if not weights:
            raise AttachError("the model has no convolution and no linear layer to prune")
        self._weights = weights

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        shapes = [tuple(weight.shape) for weight in self._weights.values()]
        counts = kept_counts(shapes, self.density, self.ratios)
        self._masks = {
            name: random_mask(weight, count, self.generator)
            for (name, weight), count in zip(self._weights.items(), counts, strict=True)
        }
        self._apply()
        self._hook = optimizer.register_step_post_hook(self._stepped)

    def _detach(self) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _stepped(self, optimizer: Optimizer, arguments: Any, named: Any) -> None:
        self._apply()

    @torch.no_grad()
    def _apply(self) -> None:
        for name, mask in self._masks.items():
            self._weights[name].mul_(mask)

    def _state(self) -> dict[str, Any]:
        return {"masks": dict(self._masks)}

    def _load_state(self, state: Mapping[str, Any]) -> None:
        if self._account is None:
            raise AttachError(f"attach {self.name} to a model before its state is loaded")
        self._masks = {
            name: mask.to(self._weights[name].device) for name, mask in state["masks"].items()
        }
        self._apply()


def prunable_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights of convolutions and linear layers, by layer; one that is shared comes once."""
    found: dict[str, Tensor] = {}
    seen: set[Tensor] = set()
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            if module.weight not in seen:
                found[name] = module.weight
            seen.add(module.weight)
    return found


def random_mask(weight: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """A mask (bool) of a weight's shape and device with exactly ``count`` places kept."""
    mask = torch.zeros(weight.numel(), dtype=torch.bool)
    mask[torch.randperm(weight.numel(), generator=generator)[:count]] = True
    return mask.view(weight.shape).to(weight.device)
