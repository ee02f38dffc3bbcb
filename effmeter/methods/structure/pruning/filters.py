"""Structured pruning: whole filters leave the network, and it is really smaller afterwards.

Source: Boumendil et al., Grow, prune or select data, the structured pruning of its experiments,
after Li et al., Pruning filters for efficient ConvNets: the filters of the smallest L1 norm go.
Only layers whose width no skip connection ties are pruned.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from effmeter.errors import UsageError
from effmeter.methods.method import Batch
from effmeter.methods.structure.widths.graph import HiddenWidth
from effmeter.methods.structure.widths.resizing import keep_channels
from effmeter.methods.structure.widths.schedule import WidthSchedule, fraction_of
from effmeter.methods.structure.widths.scheduled import ScheduledWidths


class FilterPruning(ScheduledWidths):
    """Removes the filters whose weights have the lowest L1 norm, on a schedule.

    Widths fall to ``final_fraction`` in ``steps`` even steps, at iterations ``start``,
    ``start + every``, ...; the defaults are the paper's: 12 times a sixteenth of the original.
    """

    name = "filter-pruning"

    def __init__(
        self,
        *,
        start: int = 10_000,
        every: int = 2_500,
        steps: int = 12,
        final_fraction: float = 0.25,
        layers: Collection[str] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(WidthSchedule(start, every, steps), layers=layers, seed=seed)
        if not 0.0 < final_fraction <= 1.0:
            raise UsageError(f"final_fraction lies above 0 and up to 1, not {final_fraction}")
        self.final_fraction = final_fraction

    def control(self, *, seed: int = 0) -> "RandomFilterPruning":
        """Random filters, as many and at the same time."""
        return RandomFilterPruning(
            start=self.schedule.start,
            every=self.schedule.every,
            steps=self.schedule.steps,
            final_fraction=self.final_fraction,
            layers=self.layers,
            seed=seed,
        )

    def _span(self, width: HiddenWidth) -> tuple[int, int]:
        return width.channels, fraction_of(width, self.final_fraction)

    def _resize(self, targets: Mapping[HiddenWidth, int], batch: Batch) -> None:
        chosen = {width: self._survivors(width, count) for width, count in targets.items()}
        for width, kept in chosen.items():
            keep_channels(width, kept, self._optimizer)

    def _survivors(self, width: HiddenWidth, count: int) -> Tensor:
        return largest_filters(width.writer.weight, count)


class RandomFilterPruning(FilterPruning):
    """The control of ``FilterPruning``: which filters go is drawn."""

    name = "random-filter-pruning"

    def _survivors(self, width: HiddenWidth, count: int) -> Tensor:
        drawn = torch.randperm(width.channels, generator=self.generator)[:count]
        return drawn.sort().values


def largest_filters(weight: Tensor, count: int) -> Tensor:
    """The places (count,), in order, of the filters of highest L1 norm in (filters, ...)."""
    norms = weight.detach().abs().flatten(1).sum(1)
    return norms.topk(count).indices.sort().values
