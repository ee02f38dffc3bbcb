"""A convolution whose backward pass keeps only part of the output gradient.

Source: Zhong et al., ssProp: Energy-Efficient Training for Convolutional Neural Networks with
Scheduled Sparse Back Propagation, the section on the method and its sensitivity studies. The
importance of an output channel is the mean of ``|dY|`` over batch, height and width; the gradients
to input, weights and bias come from the most important channels alone, are zero elsewhere and are
not rescaled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

from effmeter.methods.ops import operators
from effmeter.methods.ops.convolution import (
    Backend,
    Geometry,
    Gradients,
    Pair,
    autocast_operands,
    gradients,
    is_by_pixel,
    reads_single_pixels,
    settled,
)

Dimension = Literal["channel", "height-and-width", "all"]
Selection = Literal["top-k", "random"]

_REDUCED: dict[Dimension, tuple[int, ...]] = {
    "channel": (0, 2, 3),
    "height-and-width": (0, 1),
    "all": (0,),
}


def kept_count(total: int, keep: float) -> int:
    """How many of ``total`` a fraction ``keep`` leaves: whole ones, at least one.

    A product that misses a whole number by rounding alone counts as that number.
    """
    return max(int(round(keep * total, 9)), 1)


@dataclass(frozen=True, slots=True)
class Sparsity:
    """What is kept of an output gradient, and how it is computed with.

    ``dimension`` is what competes: whole channels, which are skipped, or positions
    (``"height-and-width"``, by the mean over batch and channels) or single elements (``"all"``, by
    the mean over the batch), which are set to zero and computed with all the same. ``selection``
    is ``"top-k"`` by importance, or ``"random"``, drawn from ``generator``.
    """

    keep: float
    dimension: Dimension = "channel"
    selection: Selection = "top-k"
    backend: Backend = "torch"
    generator: torch.Generator | None = None

    def __call__(
        self, inputs: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
    ) -> Tensor:
        """The convolution's output."""
        operands = autocast_operands(inputs, weight, bias)
        convolve: Callable[..., Tensor] = _SparseConv2d.apply
        return convolve(*operands, geometry, self)

    def chosen(self, output_gradient: Tensor) -> Tensor:
        """Indices (k,) of what is kept among the channels, positions or elements."""
        dimensions = _REDUCED[self.dimension]
        shape = [n for d, n in enumerate(output_gradient.shape) if d not in dimensions]
        count = kept_count(total := torch.Size(shape).numel(), self.keep)
        if self.selection == "random":
            drawn = torch.randperm(total, generator=self.generator)[:count]
            return drawn.to(output_gradient.device)
        if self.dimension == "channel":
            return operators.most_important(output_gradient, count)
        importance: Tensor = torch.linalg.vector_norm(output_gradient, 1, dimensions)
        return importance.flatten().topk(count, sorted=False).indices

    def masked(self, output_gradient: Tensor) -> Tensor:
        """The output gradient with zeros for all that is not kept."""
        dimensions = _REDUCED[self.dimension]
        shape = [1 if d in dimensions else n for d, n in enumerate(output_gradient.shape)]
        mask = output_gradient.new_zeros(torch.Size(shape).numel())
        mask[self.chosen(output_gradient)] = 1.0
        return output_gradient * mask.view(shape)


def sparse_conv2d(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair | str = 0,
    dilation: int | Pair = 1,
    *,
    keep: float,
    dimension: Dimension = "channel",
    selection: Selection = "top-k",
    backend: Backend = "torch",
    generator: torch.Generator | None = None,
) -> Tensor:
    """``torch.nn.functional.conv2d`` with a backward pass from ``keep`` of the output gradient.

    The parameters are those of ``Sparsity``. It cannot be differentiated twice.
    """
    sparsity = Sparsity(keep, dimension, selection, backend, generator)
    inputs, geometry = settled(inputs, weight, stride, padding, dilation)
    return sparsity(inputs, weight, bias, geometry)


class _SparseConv2d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        geometry: Geometry,
        sparsity: Sparsity,
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.geometry, ctx.sparsity = geometry, sparsity
        return conv2d(inputs, weight, bias, geometry.stride, geometry.padding, geometry.dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, output_gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        compute = _from_channels if ctx.sparsity.dimension == "channel" else _from_elements
        found = compute(output_gradient, inputs, weight, ctx.geometry, wanted, ctx.sparsity)
        return (*found, None, None)


def _from_channels(
    output_gradient: Tensor,
    inputs: Tensor,
    weight: Tensor,
    geometry: Geometry,
    wanted: tuple[bool, bool, bool],
    sparsity: Sparsity,
) -> Gradients:
    """The channels that are not kept are not computed with."""
    channels = sparsity.chosen(output_gradient)
    by_pixel = _by_pixel(inputs, weight, geometry)
    kept, kernels = (
        operators.gathered(output_gradient, channels, by_pixel),
        weight.index_select(0, channels),
    )
    if by_pixel and wanted[1]:
        inputs = operators.with_channels_last(inputs)
    to_input, to_kernels, to_bias = gradients(
        kept, inputs, kernels, geometry, wanted, sparsity.backend
    )
    return (
        to_input,
        _spread(to_kernels, channels, len(weight)),
        _spread(to_bias, channels, len(weight)),
    )


def _by_pixel(inputs: Tensor, weight: Tensor, geometry: Geometry) -> bool:
    """Whether to compute with the channels last in memory.

    Few channels go back through a stride up to twice as fast so on the processor. Elsewhere what
    it gains is lost again in the layers before, which would meet two layouts.
    """
    strided = max(geometry.stride) > 1 and not reads_single_pixels(weight, geometry)
    if inputs.is_cpu and strided and inputs.numel() > weight.numel():
        return True
    return is_by_pixel(inputs)


def _from_elements(
    output_gradient: Tensor,
    inputs: Tensor,
    weight: Tensor,
    geometry: Geometry,
    wanted: tuple[bool, bool, bool],
    sparsity: Sparsity,
) -> Gradients:
    masked = sparsity.masked(output_gradient)
    return gradients(masked, inputs, weight, geometry, wanted, sparsity.backend)


def _spread(kept: Tensor | None, channels: Tensor, count: int) -> Tensor | None:
    """Back to all channels, with zeros for the others."""
    if kept is None:
        return None
    return kept.new_zeros(count, *kept.shape[1:]).index_copy_(0, channels, kept)
