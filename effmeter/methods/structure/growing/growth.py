"""Growing on a schedule: a seed network, new units that change nothing at first, and how they join.

Source: Evci et al., GradMax: Growing neural networks using gradient information; schedule and
settings of Boumendil et al., Grow, prune or select data.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from effmeter.errors import UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.method import AttachError, Batch
from effmeter.methods.structure.growing.bypass import as_incoming, as_outgoing, outgoing_columns
from effmeter.methods.structure.growing.directions import random_directions
from effmeter.methods.structure.growing.new_channels import NewChannels
from effmeter.methods.structure.widths.graph import HiddenWidth
from effmeter.methods.structure.widths.path import keeps_zero
from effmeter.methods.structure.widths.resizing import append_channels
from effmeter.methods.structure.widths.schedule import WidthSchedule, fraction_of
from effmeter.methods.structure.widths.scheduled import ScheduledWidths

Side = Literal["incoming", "outgoing"]


class Growth(ScheduledWidths):
    """Base of the growing methods: a seed network that reaches its full widths in steps.

    The network that it is attached to is the full one: its free layers are cut to
    ``seed_fraction`` of their channels, the readers' weights made larger by the root of what
    they lost, as a fresh network of that width would have them. With ``cut=False`` it is the seed
    and grows to its widths divided by ``seed_fraction``. It grows at iterations ``start``,
    ``start + every``, ... in ``steps`` even steps.

    New units have weights 0 on the side ``zero`` and so leave the network's function as it is.
    On the other side their weights are ``scale`` times as long as the mean of the units there.
    """

    def __init__(
        self,
        *,
        start: int = 10_000,
        every: int = 2_500,
        steps: int = 12,
        seed_fraction: float = 0.25,
        cut: bool = True,
        zero: Side = "incoming",
        scale: float = 0.5,
        layers: Collection[str] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(WidthSchedule(start, every, steps), layers=layers, seed=seed)
        if not 0.0 < seed_fraction <= 1.0:
            raise UsageError(f"seed_fraction lies above 0 and up to 1, not {seed_fraction}")
        self.seed_fraction = seed_fraction
        self.cut = cut
        self.zero = zero
        self.scale = scale
        self._new_channels: dict[str, NewChannels] = {}

    def control(self, *, seed: int = 0) -> "RandomGrowth":
        """Units of random directions, as many and at the same time."""
        return RandomGrowth(
            start=self.schedule.start,
            every=self.schedule.every,
            steps=self.schedule.steps,
            seed_fraction=self.seed_fraction,
            cut=self.cut,
            zero=self.zero,
            scale=self.scale,
            layers=self.layers,
            seed=seed,
        )

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        super()._check(model, optimizer)
        for width in self._widths:
            if self.zero == "incoming" and not keeps_zero(width.path):
                raise AttachError(
                    f"an activation after {width.name} is not 0 at 0, so units with incoming "
                    f"weights 0 would change what the network does: grow with zero=outgoing"
                )

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        before = self.widths
        super()._attach(model, optimizer, account)
        for width in self._widths:
            with torch.no_grad():
                width.reader.weight.mul_((before[width.name] / width.channels) ** 0.5)
        self._hook = optimizer.register_step_post_hook(self._stepped)

    def _detach(self) -> None:
        self._hook.remove()
        self._release(only_moved=False)

    def _stepped(self, optimizer: Optimizer, arguments: Any, named: Any) -> None:
        self._release(only_moved=True)

    def _span(self, width: HiddenWidth) -> tuple[int, int]:
        if self.cut:
            return fraction_of(width, self.seed_fraction), width.channels
        return width.channels, fraction_of(width, 1.0 / self.seed_fraction)

    def _resize(self, targets: Mapping[HiddenWidth, int], batch: Batch) -> None:
        counts = {width: channels - width.channels for width, channels in targets.items()}
        directions = self._directions(counts, batch)
        weights = {width: self._weights(width, columns) for width, columns in directions.items()}
        for width, (incoming, outgoing) in weights.items():
            first = width.channels
            append_channels(width, incoming, outgoing, self._optimizer)
            if self.zero == "incoming" and width.name not in self._new_channels:
                self._new_channels[width.name] = NewChannels(width, first)

    def _directions(
        self, counts: Mapping[HiddenWidth, int], batch: Batch
    ) -> dict[HiddenWidth, Tensor]:
        """Columns of length 1 for the side that is not 0: as the rows of M, or its columns."""
        return {
            width: random_directions(self._other_side(width), count, self.generator)
            for width, count in counts.items()
        }

    def _other_side(self, width: HiddenWidth) -> Tensor:
        """The weights of the units that there are, as columns, on the side that is not 0."""
        if self.zero == "incoming":
            return outgoing_columns(width)
        return width.writer.weight.detach().flatten(1).T

    def _weights(self, width: HiddenWidth, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Incoming and outgoing weights of new channels, one side 0."""
        length = self.scale * torch.linalg.vector_norm(self._other_side(width), dim=0).mean()
        columns = columns * length
        count = columns.shape[1]
        if self.zero == "incoming":
            shape = width.writer.weight.shape[1:]
            return columns.new_zeros((count, *shape)), as_outgoing(width, columns)
        silent = columns.new_zeros((len(outgoing_columns(width)), count))
        return as_incoming(width, columns.T), as_outgoing(width, silent)

    def _release(self, *, only_moved: bool) -> None:
        for name, channels in list(self._new_channels.items()):
            if channels.moved or not only_moved:
                channels.release()
                del self._new_channels[name]

    def _state(self) -> dict[str, Any]:
        firsts = {name: channels.first for name, channels in self._new_channels.items()}
        return {**super()._state(), "new_channels": firsts}

    def _load_state(self, state: Mapping[str, Any]) -> None:
        super()._load_state(state)
        self._release(only_moved=False)
        firsts = state["new_channels"]
        for width in self._widths:
            if width.name in firsts:
                self._new_channels[width.name] = NewChannels(width, firsts[width.name])


class RandomGrowth(Growth):
    """The control of ``GradMax``: units of random directions, as many and at the same time."""

    name = "random-growth"
