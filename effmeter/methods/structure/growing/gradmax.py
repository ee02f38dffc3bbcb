"""GradMax: new units whose weights get the largest gradient that they can.

Source: Evci et al., GradMax: Growing neural networks using gradient information; schedule and
settings of Boumendil et al., Grow, prune or select data.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from effmeter.methods.method import Batch
from effmeter.methods.structure.growing.bypass import bypass_gradient, reading_gradient, written
from effmeter.methods.structure.growing.directions import (
    ascended_directions,
    leading_directions,
    random_directions,
    replaced_where_silent,
)
from effmeter.methods.structure.growing.growth import Growth
from effmeter.methods.structure.growing.trial import Objective, WidthSample, look
from effmeter.methods.structure.widths.graph import HiddenWidth
from effmeter.methods.structure.widths.path import without_norms


class GradMax(Growth):
    """Grows units along the leading singular vectors of the bypass gradient of one batch.

    ``objective`` is the loss that the loop minimises, of the model's output and the targets. Each
    growth costs a forward and a backward pass more, on the batch that comes next; the search for
    directions is in no account of FLOPs, but in the time and energy of a recording.

    ``search="exact"`` takes singular vectors: with ``zero="incoming"`` the gradient to the new
    incoming weights is the largest possible, with ``zero="outgoing"`` that to the outgoing ones
    would be, were activations linear. ``search="iterative"`` climbs the norm of the gradient by
    projected gradient ascent, ``climb_steps`` of ``climb_rate`` times the present length, through
    the true activations with ``zero="outgoing"``.
    """

    name = "gradmax"

    def __init__(
        self,
        *,
        start: int = 10_000,
        every: int = 2_500,
        steps: int = 12,
        seed_fraction: float = 0.25,
        cut: bool = True,
        zero: Literal["incoming", "outgoing"] = "incoming",
        scale: float = 0.5,
        search: Literal["exact", "iterative"] = "exact",
        climb_steps: int = 100,
        climb_rate: float = 1.0,
        layers: Collection[str] | None = None,
        objective: Objective = cross_entropy,
        seed: int = 0,
    ) -> None:
        super().__init__(
            start=start,
            every=every,
            steps=steps,
            seed_fraction=seed_fraction,
            cut=cut,
            zero=zero,
            scale=scale,
            layers=layers,
            seed=seed,
        )
        self.search = search
        self.climb_steps = climb_steps
        self.climb_rate = climb_rate
        self.objective = objective

    def _directions(
        self, counts: Mapping[HiddenWidth, int], batch: Batch
    ) -> dict[HiddenWidth, Tensor]:
        seen = look(self._model, tuple(counts), self.objective, batch)
        return {
            width: self._best(width, shown, count)
            for (width, count), shown in zip(counts.items(), seen, strict=True)
        }

    def _best(self, width: HiddenWidth, seen: WidthSample, count: int) -> Tensor:
        gradient = bypass_gradient(width, *seen)
        across = gradient if self.zero == "incoming" else gradient.T
        if self.search == "exact":
            best = leading_directions(across, count, self.generator)
        else:
            norm = self._gradient_norm(width, seen, gradient)
            start = random_directions(across[:, :1], count, self.generator)
            climbed = ascended_directions(norm, start, self.climb_steps, self.climb_rate)
            best = torch.cat((climbed, start[:, climbed.shape[1] :]), 1)
        return replaced_where_silent(best, across, self.generator)

    def _gradient_norm(
        self, width: HiddenWidth, seen: WidthSample, gradient: Tensor
    ) -> Callable[[Tensor], Tensor]:
        """From directions to the norm of the gradient on the side that is 0."""
        if self.zero == "incoming":
            return lambda columns: torch.linalg.vector_norm(gradient.T @ columns)
        walk = without_norms(width.path)

        def norm(columns: Tensor) -> Tensor:
            channels = walk(written(width, seen.inputs, columns.T))
            silent = reading_gradient(width, channels, seen.output_gradient)
            length: Tensor = torch.linalg.matrix_norm(silent)
            return length

        return norm
