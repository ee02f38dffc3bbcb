"""A model frozen from its input up to a layer, so that its backward pass ends there.

Nothing is computed and thrown away: the frozen part stores no activations for a backward pass and
gets no gradients (None, which makes PyTorch's optimizers leave a parameter and its state
alone). Its forward pass runs as ever, and batch norm's statistics move.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import Parameter
from torch.utils.hooks import RemovableHandle

from effmeter.errors import UnfitError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.method import AttachError


class ProgressiveFreezing:
    """The layers of one model in the order of execution, and how far they are frozen.

    The order is that of the last calls in the first training step: a layer called twice counts
    where it is called last, and a parameter of several layers where the last of them is. Layers
    are named as in the model. ``order`` is one known from before. The account learns which steps
    are not whole.
    """

    def __init__(self, model: nn.Module, account: FlopsAccount, order: Sequence[str] = ()) -> None:
        self._account = account
        self._parameters = {
            name: parameters
            for name, module in model.named_modules()
            if (parameters := _trainable(module))
        }
        self._calls: dict[str, None] = {}
        self._order: tuple[str, ...] = ()
        self._positions: dict[Parameter, int] = {}
        self._frozen_to: str | None = None
        self._frozen: list[Parameter] = []
        self._hooks = [
            module.register_forward_hook(partial(self._called, name))
            for name, module in model.named_modules()
            if name in self._parameters
        ]
        self.adopt(order)

    @property
    def order(self) -> tuple[str, ...]:
        """All layers that train, in order; empty before the first step has run."""
        return self._order

    @property
    def boundaries(self) -> tuple[str, ...]:
        """Up to where it can be frozen: every layer that multiplies by a matrix, but the last.

        Other layers, such as batch norm, are frozen with the first boundary behind them. The last
        layer always trains: otherwise nothing would need a gradient.
        """
        return tuple(
            name
            for name in self._order[:-1]
            if any(parameter.ndim > 1 for parameter in self._parameters[name])
        )

    def parameters(self, layer: str) -> Sequence[Parameter]:
        """The parameters of one layer that train."""
        return self._parameters[layer]

    def settle(self) -> tuple[str, ...]:
        """A first step has run: its order of layers is that of every step."""
        if not self._order:
            self.adopt(tuple(self._calls))
        return self._order

    def adopt(self, order: Sequence[str]) -> None:
        """Take an order of layers as known, such as that of a checkpoint; an empty one is none.

        UnfitError for a layer that the model has not.
        """
        if not order:
            return
        unknown = set(order) - set(self._parameters)
        if unknown:
            raise UnfitError(f"the model has no trained layer {min(unknown)!r}: another model's?")
        self._order = tuple(order)
        self._positions = {
            parameter: place
            for place, name in enumerate(order)
            for parameter in self._parameters[name]
        }
        self._remove_hooks()

    def freeze(self, layer: str | None) -> None:
        """Freeze the layers up to and with this boundary, and no others; None: freeze none."""
        if layer == self._frozen_to:
            return
        self._thaw()
        self._frozen_to = layer
        self._account.shows_dense(layer is None)
        if layer is None:
            return
        last = self._order.index(layer)
        self._frozen = [p for p, place in self._positions.items() if place <= last]
        for parameter in self._frozen:
            parameter.requires_grad_(False)
            parameter.grad = None

    def close(self) -> None:
        """Let every layer train again, and watch the model no longer."""
        self.freeze(None)
        self._remove_hooks()

    def _thaw(self) -> None:
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        self._frozen = []

    def _called(self, name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """Note a call in a training step; a hook of the forward pass."""
        if module.training and torch.is_grad_enabled():
            self._calls.pop(name, None)
            self._calls[name] = None

    def _remove_hooks(self) -> None:
        hooks: list[RemovableHandle] = self._hooks
        while hooks:
            hooks.pop().remove()


def refuse_unfit(model: nn.Module, method: str, order: Sequence[str]) -> None:
    """AttachError where there is no layer to freeze or none would be left, or for an ``order``
    of layers that is another model's."""
    layers = {name: _trainable(module) for name, module in model.named_modules()}
    matrices = sum(1 for parameters in layers.values() if any(p.ndim > 1 for p in parameters))
    if matrices < 2:
        raise AttachError(
            f"{method} needs two layers or more with weights that train; the model has {matrices}"
        )
    unknown = [name for name in order if not layers.get(name)]
    if unknown:
        raise AttachError(f"{method} knows a layer {unknown[0]!r} that this model does not train")


def _trainable(module: nn.Module) -> list[Parameter]:
    return [p for p in module.parameters(recurse=False) if p.requires_grad]
