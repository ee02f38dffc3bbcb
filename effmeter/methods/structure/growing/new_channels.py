"""Channels born with incoming weights 0, which bypass what stands behind them until they move.

A ReLU has slope 0 at 0, so such a channel would never learn; batch norm would divide by the
deviation of a constant. So as long as all their weights are 0, new channels go from the layer
that writes them to the layer that reads them past activations, batch norm and dropout, through
pooling and flattening alone: their value is 0 either way, and the gradient that reaches their
weights is the one that they were chosen for.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from effmeter.methods.structure.widths.graph import HiddenWidth
from effmeter.methods.structure.widths.path import without_nonlinearities


class NewChannels:
    """The last channels of a width, from ``first`` on; ``release`` them once they have moved."""

    def __init__(self, width: HiddenWidth, first: int) -> None:
        self.first = first
        self._width = width
        self._walk = without_nonlinearities(width.path)
        self._fresh: Tensor | None = None
        self._hooks: list[RemovableHandle] = [
            width.writer.register_forward_hook(self._written),
            width.reader.register_forward_pre_hook(self._read),
        ]

    @property
    def moved(self) -> bool:
        """Whether an incoming weight is no longer 0."""
        return bool(self._width.writer.weight[self.first :].count_nonzero())

    def release(self) -> None:
        """From now on they are channels like any other."""
        for hook in self._hooks:
            hook.remove()
        self._fresh = None

    def _written(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        axis = self._width.channel_axis
        # A copy, as an activation may work in place.
        self._fresh = output.narrow(axis, self.first, output.shape[axis] - self.first).clone()

    def _read(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        fresh, self._fresh = self._fresh, None
        if fresh is None:
            return inputs
        axis = self._width.channel_axis
        older = inputs[0].narrow(axis, 0, self.first * self._width.features_per_channel)
        return torch.cat((older, self._walk(fresh).to(older)), axis), *inputs[1:]
