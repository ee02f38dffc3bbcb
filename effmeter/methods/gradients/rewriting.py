"""Puts another backward pass under layers of a model, and takes it away again.

A layer's class becomes a subclass of what it was, so its parameters, state_dict keys, hooks and
``isinstance`` stay. A layer without a rule, in evaluation mode or without gradients runs as ever.
"""

from collections.abc import Iterator
from typing import Literal, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.parameter import is_lazy

from effmeter.methods.method import AttachError
from effmeter.methods.ops.convolution import Geometry, settled

Grouped = Literal["refuse", "dense"]
Layer = TypeVar("Layer", bound=nn.Module)


class ConvolutionRule(Protocol):
    """A convolution with a backward pass of its own."""

    def __call__(
        self, inputs: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
    ) -> Tensor:
        """The output (B, Cout, H, W)."""


class LinearRule(Protocol):
    """A linear layer with a backward pass of its own."""

    def __call__(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The output (..., features)."""


class RewrittenConv2d(nn.Conv2d):
    """A convolution that runs by a rule."""

    rule: ConvolutionRule | None

    def _conv_forward(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.rule is None or not _is_trained(self):
            dense: Tensor = super()._conv_forward(inputs, weight, bias)
            return dense
        rows = inputs if inputs.dim() == 4 else inputs.unsqueeze(0)
        padding = self.padding
        if self.padding_mode != "zeros":
            sides = self._reversed_padding_repeated_twice
            rows, padding = pad(rows, sides, mode=self.padding_mode), (0, 0)
        rows, geometry = settled(rows, weight, self.stride, padding, self.dilation)
        output = self.rule(rows, weight, bias, geometry)
        return output if inputs.dim() == 4 else output.squeeze(0)


class RewrittenLinear(nn.Linear):
    """A linear layer that runs by a rule."""

    rule: LinearRule | None

    def forward(self, inputs: Tensor) -> Tensor:
        """As the rule says."""
        if self.rule is None or not _is_trained(self):
            return super().forward(inputs)
        return self.rule(inputs, self.weight, self.bias)


def _is_trained(layer: nn.Module) -> bool:
    return layer.training and torch.is_grad_enabled()


def convolutions(model: nn.Module, grouped: Grouped) -> dict[str, nn.Conv2d]:
    """The convolutions of a model by name, in its order; AttachError for one that cannot be.

    Those with groups are refused, or with ``grouped`` "dense" left as they are.
    """
    found = dict(_rewritable(model, nn.Conv2d))
    with_groups = [name for name, layer in found.items() if layer.groups > 1]
    if with_groups and grouped == "refuse":
        raise AttachError(
            f"the convolution {with_groups[0]!r} has groups, whose backward pass cannot be "
            "rewritten: grouped='dense' leaves such layers as they are"
        )
    found = {name: layer for name, layer in found.items() if layer.groups == 1}
    if not found:
        raise AttachError("the model has no two-dimensional convolution to work on")
    return found


def linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The linear layers of a model by name, in its order; AttachError for one that cannot be."""
    return dict(_rewritable(model, nn.Linear))


def rewrite(layer: nn.Conv2d) -> RewrittenConv2d:
    """The same layer, which runs by a rule from now on; none yet."""
    layer.__class__ = _subclass(RewrittenConv2d, type(layer))
    rewritten = cast("RewrittenConv2d", layer)
    rewritten.rule = None
    return rewritten


def rewrite_linear(layer: nn.Linear) -> RewrittenLinear:
    """The same layer, which runs by a rule from now on; none yet."""
    layer.__class__ = _subclass(RewrittenLinear, type(layer))
    rewritten = cast("RewrittenLinear", layer)
    rewritten.rule = None
    return rewritten


def restore(layer: RewrittenConv2d | RewrittenLinear) -> None:
    """Undo ``rewrite``."""
    del layer.rule
    layer.__class__ = type(layer).__bases__[-1]


def _subclass(rewritten: type, original: type) -> type:
    if rewritten.__bases__ == (original,):
        return rewritten
    return type(rewritten.__name__, (rewritten, original), {})


def _rewritable(model: nn.Module, kind: type[Layer]) -> Iterator[tuple[str, Layer]]:
    for name, layer in model.named_modules():
        if isinstance(layer, RewrittenConv2d | RewrittenLinear):
            raise AttachError(f"another method has rewritten the layer {name!r} already")
        if not isinstance(layer, kind):
            continue
        if is_lazy(cast("Tensor", layer.weight)):
            raise AttachError(f"the layer {name!r} has no weights yet: run a batch first")
        for method in ("forward", "_conv_forward"):
            if getattr(type(layer), method, None) is not getattr(kind, method, None):
                raise AttachError(
                    f"the layer {name!r} ({type(layer).__name__}) has a {method} of its own"
                )
        yield name, layer
