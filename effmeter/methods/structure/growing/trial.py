"""A look at the gradients of one batch that leaves no trace in the training."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from effmeter.methods.method import Batch
from effmeter.methods.side_effect_free import state_restored
from effmeter.methods.structure.widths.graph import HiddenWidth

Objective = Callable[[Any, Tensor], Tensor]
"""From what the model gives and the targets to the loss that training minimises."""


class WidthSample(NamedTuple):
    """What one batch showed of a width."""

    inputs: Tensor
    """What went into the writer."""
    output_gradient: Tensor
    """The loss's gradient to what the reader gave."""


def look(
    model: nn.Module, widths: Sequence[HiddenWidth], objective: Objective, batch: Batch
) -> list[WidthSample]:
    """One forward and backward pass; weights' gradients and all state stay as they are."""
    inputs: dict[nn.Module, Tensor] = {}
    outputs: dict[nn.Module, Tensor] = {}

    def going_in(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        inputs[module] = arguments[0].detach()

    def coming_out(module: nn.Module, _: tuple[Any, ...], output: Tensor) -> Tensor:
        if not output.requires_grad:
            # What stands before may be frozen for this step.
            output.requires_grad_()
        outputs[module] = output
        # What follows may work in place, and would move the gradient to behind itself.
        return output.clone()

    hooks = [width.writer.register_forward_pre_hook(going_in) for width in widths]
    hooks += [width.reader.register_forward_hook(coming_out) for width in widths]
    try:
        with state_restored(model, batch.inputs.device), torch.enable_grad():
            loss = objective(model(batch.inputs), batch.targets) * batch.weight
            gradients = torch.autograd.grad(loss, [outputs[width.reader] for width in widths])
    finally:
        for hook in hooks:
            hook.remove()
    return [WidthSample(inputs[w.writer], g) for w, g in zip(widths, gradients, strict=True)]
