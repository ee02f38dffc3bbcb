"""A stream of random numbers of its own for a training, from the framework's generators."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


class RandomStream:
    """What torch draws inside ``flowing()`` follows from the seed alone.

    The states of torch's own generators, of the CPU and of the device, are exchanged, so that
    dropout and the like need no generator handed to them; the program's state is put back.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._sources: list[Any] = [torch.random]
        self._states = [torch.Generator().manual_seed(seed).get_state()]
        if device.type != "cpu":
            self._sources.append(torch.get_device_module(device))
            self._states.append(torch.Generator(device).manual_seed(seed).get_state())

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Draw from this stream, going on where it was left."""
        before = self._exchange(self._states)
        try:
            yield
        finally:
            self._states = self._exchange(before)

    def _exchange(self, states: list[Tensor]) -> list[Tensor]:
        before = [source.get_rng_state() for source in self._sources]
        for source, state in zip(self._sources, states, strict=True):
            source.set_rng_state(state)
        return before
