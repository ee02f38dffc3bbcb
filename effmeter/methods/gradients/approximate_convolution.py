"""A convolution whose weight gradient is approximated; the gradient to its input stays exact.

Source: Wang et al., gradient approximation in the backward pass of convolutional layers, the
section on zero, random and max gradient. The bias, which the paper's layers lack, keeps its exact
gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

from effmeter.methods.gradients.max_gradient import max_gradient_weight
from effmeter.methods.ops import operators
from effmeter.methods.ops.convolution import (
    Geometry,
    Pair,
    autocast_operands,
    gradients,
    settled,
)

Factor = float | Literal["batch"]
"""A number, or one over the rows of the batch: the 1/128 of the paper at its batch of 128."""


class WeightGradient(Protocol):
    """Stands in for the exact gradient to a convolution's weights."""

    @property
    def reads_inputs(self) -> bool:
        """Whether the inputs must be kept for it."""

    def __call__(
        self, inputs: Tensor, output_gradient: Tensor, weight: Tensor, geometry: Geometry
    ) -> Tensor:
        """Shaped as the weight (Cout, Cin, Kh, Kw), in its type."""


@dataclass(frozen=True, slots=True)
class ZeroWeights:
    """Zeros, not None: momentum and weight decay go on."""

    reads_inputs = False

    def __call__(
        self, inputs: Tensor, output_gradient: Tensor, weight: Tensor, geometry: Geometry
    ) -> Tensor:
        """Zeros."""
        return torch.zeros_like(weight)


@dataclass(slots=True)
class RandomWeights:
    """Normal(0, ``sigma``) noise that follows from a seed, a layer and a step.

    It is the same in every backward pass until ``step`` is set to another number. Another type of
    device draws other noise.
    """

    sigma: Factor
    seed: int = 0
    layer: int = 0
    step: int = 0
    reads_inputs = False

    def __call__(
        self, inputs: Tensor, output_gradient: Tensor, weight: Tensor, geometry: Geometry
    ) -> Tensor:
        """Noise, drawn where the weight is."""
        deviation = factor(self.sigma, len(inputs))
        return operators.normal_like(weight, self.seed, self.step, self.layer, deviation)


@dataclass(frozen=True, slots=True)
class MaxWeights:
    """The patches of the input where the output gradient is largest; see ``max_gradient``.

    A map with fewer than ``k`` elements gives all of them.
    """

    k: int = 1
    scale: Factor = 1.0
    reads_inputs = True

    def __call__(
        self, inputs: Tensor, output_gradient: Tensor, weight: Tensor, geometry: Geometry
    ) -> Tensor:
        """The sum of these patches, each with its part of the map's sum, times the scale."""
        approximate = max_gradient_weight(
            inputs,
            output_gradient,
            weight.shape[2:],
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            min(self.k, output_gradient[0, 0].numel()),
        )
        return approximate * factor(self.scale, len(inputs))


def factor(value: Factor, rows: int) -> float:
    """The value of a factor for a batch of ``rows`` rows."""
    return 1.0 / rows if value == "batch" else value


@dataclass(frozen=True, slots=True)
class Approximated:
    """The rule of a convolution with this weight gradient."""

    weight_gradient: WeightGradient

    def __call__(
        self, inputs: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
    ) -> Tensor:
        """The convolution's output."""
        operands = autocast_operands(inputs, weight, bias)
        convolve: Callable[..., Tensor] = _ApproximateConv2d.apply
        return convolve(*operands, geometry, self.weight_gradient)


def approximate_conv2d(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair | str = 0,
    dilation: int | Pair = 1,
    *,
    weight_gradient: WeightGradient,
) -> Tensor:
    """``torch.nn.functional.conv2d`` with another gradient to its weights.

    It cannot be differentiated twice.
    """
    inputs, geometry = settled(inputs, weight, stride, padding, dilation)
    return Approximated(weight_gradient)(inputs, weight, bias, geometry)


class _ApproximateConv2d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        geometry: Geometry,
        weight_gradient: WeightGradient,
    ) -> Tensor:
        kept = inputs if weight_gradient.reads_inputs else None
        ctx.save_for_backward(kept, weight)
        ctx.inputs_shape, ctx.geometry, ctx.gradient = inputs.shape, geometry, weight_gradient
        return conv2d(inputs, weight, bias, geometry.stride, geometry.padding, geometry.dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, output_gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        if inputs is None:
            inputs = output_gradient.new_empty(1).expand(ctx.inputs_shape)
        wanted = (ctx.needs_input_grad[0], False, ctx.needs_input_grad[2])
        to_input, _, to_bias = gradients(output_gradient, inputs, weight, ctx.geometry, wanted)
        to_weight = None
        if ctx.needs_input_grad[1]:
            to_weight = ctx.gradient(inputs, output_gradient, weight, ctx.geometry)
        return to_input, to_weight, to_bias, None, None
