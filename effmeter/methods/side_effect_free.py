"""Calls of a model that leave no trace: no running statistic and no random number moves."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def output_without_side_effects(model: nn.Module, inputs: Tensor) -> Tensor:
    """What the model's next forward pass on these inputs would give, without gradients.

    In the mode that the model is in: in training with batch statistics and dropout. Batch norm's
    running statistics and all other buffers, and the random state, are put back, so that a
    forward pass that follows draws and sees the same.
    """
    with torch.no_grad(), state_restored(model, inputs.device):
        output: Tensor = model(inputs)
    return output


@contextmanager
def state_restored(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Puts back a model's buffers and the random state after calls of it on that device."""
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with _random_state_kept(device):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)


@contextmanager
def _random_state_kept(device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        if device.type == "cpu":
            yield
            return
        generators = torch.get_device_module(device)
        # Only Apple's generator belongs to no numbered device.
        place = () if device.type == "mps" else (device,)
        state = generators.get_rng_state(*place)
        try:
            yield
        finally:
            generators.set_rng_state(state, *place)
