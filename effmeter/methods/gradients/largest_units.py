"""A linear layer whose backward pass keeps the k largest elements of the output gradient.

Source: Sun et al., meProp: Sparsified Back Propagation for Accelerated Deep Learning with Reduced
Overfitting; over the whole batch as in its section on a unified choice for a mini-batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding_bag, linear

from effmeter.methods.gradients.sparse_convolution import Selection
from effmeter.methods.ops.convolution import Gradients, autocast_operands

Scope = Literal["example", "batch"]


@dataclass(frozen=True, slots=True)
class LargestUnits:
    """What is kept of an output gradient (rows, units).

    ``scope`` "example" keeps ``k`` units of each row, "batch" the same k units of all rows, those
    of the largest sum of ``|dy|``. ``selection`` "random" draws the units from ``generator``
    instead.
    """

    k: int
    scope: Scope = "example"
    selection: Selection = "top-k"
    generator: torch.Generator | None = None

    def __call__(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's output (..., units)."""
        apply: Callable[..., Tensor] = _SparseLinear.apply
        return apply(*autocast_operands(inputs, weight, bias), self)

    def chosen(self, output_gradient: Tensor) -> Tensor:
        """Units (rows, k), or (k,) for the whole batch."""
        if self.selection == "random":
            size = output_gradient.shape if self.scope == "example" else output_gradient.shape[1:]
            worth = torch.rand(size, generator=self.generator).to(output_gradient.device)
        else:
            worth = output_gradient.abs()
            worth = worth if self.scope == "example" else worth.sum(0)
        return worth.topk(self.k, dim=-1, sorted=False).indices


def sparse_linear(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    k: int,
    scope: Scope = "example",
    selection: Selection = "top-k",
    generator: torch.Generator | None = None,
) -> Tensor:
    """``torch.nn.functional.linear`` with a backward pass from ``k`` units; the bias stays exact.

    The parameters are those of ``LargestUnits``. It cannot be differentiated twice.
    """
    return LargestUnits(k, scope, selection, generator)(inputs, weight, bias)


class _SparseLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, kept: LargestUnits
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.kept = kept
        return linear(inputs, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, output_gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        rows, wanted = output_gradient.flatten(0, -2), ctx.needs_input_grad[:3]
        compute = _of_each_row if ctx.kept.scope == "example" else _of_all_rows
        with torch.autocast(rows.device.type, enabled=False):
            units = ctx.kept.chosen(rows)
            found = compute(rows, units, inputs.flatten(0, -2), weight, wanted)
        to_input, to_weight, to_bias = found
        return None if to_input is None else to_input.view_as(inputs), to_weight, to_bias, None


def _of_all_rows(
    rows: Tensor, units: Tensor, inputs: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
) -> Gradients:
    kept = rows.index_select(1, units)
    to_weight = None
    if wanted[1]:
        to_weight = torch.zeros_like(weight).index_copy_(0, units, kept.t() @ inputs)
    return (
        kept @ weight.index_select(0, units) if wanted[0] else None,
        to_weight,
        rows.sum(0) if wanted[2] else None,
    )


def _of_each_row(
    rows: Tensor, units: Tensor, inputs: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
) -> Gradients:
    """Each row is a weighted sum of its own k kernels, and adds itself to k of their gradients."""
    values = rows.gather(1, units)
    to_input = to_weight = None
    if wanted[0]:
        to_input = embedding_bag(units, weight, per_sample_weights=values, mode="sum")
    if wanted[1]:
        to_weight = torch.zeros_like(weight)
        for unit, value in zip(units.unbind(1), values.unbind(1), strict=True):
            to_weight.index_add_(0, unit, inputs * value.unsqueeze(1))
    return to_input, to_weight, rows.sum(0) if wanted[2] else None
