"""Zero, random and max gradient: convolutions whose weight gradient is approximated on a schedule.

Source: Wang et al., gradient approximation in the backward pass of convolutional layers. Only the
gradient to the weights is approximated, in a quarter of all cases of (layer, batch), so at most
1/3 x 1/4 of a training's work can be saved. Layers are the two-dimensional convolutions in the
order in which the model defines them, those of shortcuts among them.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Literal

from torch import nn
from torch.optim import Optimizer

from effmeter.errors import UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.flops.work import BackwardShare
from effmeter.methods.gradients.approximate_convolution import (
    Approximated,
    Factor,
    MaxWeights,
    RandomWeights,
    ZeroWeights,
)
from effmeter.methods.gradients.autotune import Autotuned
from effmeter.methods.gradients.gradient_method import GradientMethod
from effmeter.methods.gradients.layer_schedules import SCHEDULES, Plateau, ScheduleName
from effmeter.methods.gradients.rewriting import (
    ConvolutionRule,
    Grouped,
    RewrittenConv2d,
    convolutions,
    restore,
    rewrite,
)
from effmeter.methods.method import Batch, Cycle

Approximation = Literal["full", "zero", "random", "max"]
Choose = Callable[[int, int], Approximation]
"""The approximation of (layer, batch), both counted from 0."""

_FULL = BackwardShare()
_WITHOUT_WEIGHTS = BackwardShare(weight_fraction=0.0, bias_fraction=1.0)


class GradientApproximation(GradientMethod):
    """Approximates weight gradients where a schedule says so; the loop must call ``begin_step``.

    ``schedule`` names one of ``layer_schedules.SCHEDULES``; ``choose(layer, batch)`` takes its
    place and may name a different approximation each time. ``sigma`` is the deviation of random
    gradients, ``k`` and ``scale`` are those of max gradients: ``scale`` 1 fits a loss that is a
    mean over the batch, "batch" one that is a sum. ``plateau_patience`` epochs without progress
    of the loss, which ``end_epoch`` takes, end all approximation. ``grouped`` says whether
    convolutions with groups are refused or left exact. With ``autotune``, layers whose backward
    pass gains no time by the max gradient on this machine stay exact; see ``Autotuned``. Zero and
    random gradients, its controls, then leave out the same layers.
    """

    approximation: ClassVar[Approximation]

    def __init__(
        self,
        schedule: ScheduleName = "s2",
        *,
        choose: Choose | None = None,
        sigma: Factor = "batch",
        k: int = 1,
        scale: Factor = 1.0,
        plateau_patience: int | None = None,
        plateau_threshold: float = 1e-3,
        grouped: Grouped = "refuse",
        autotune: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        self._settings: dict[str, Any] = {
            "schedule": schedule,
            "choose": choose,
            "sigma": sigma,
            "k": k,
            "scale": scale,
            "plateau_patience": plateau_patience,
            "plateau_threshold": plateau_threshold,
            "grouped": grouped,
            "autotune": autotune,
        }
        if schedule not in SCHEDULES:
            raise UsageError(f"{schedule!r} is no schedule: {', '.join(SCHEDULES)}")
        self.schedule = SCHEDULES[schedule]
        self._choose = choose or self._scheduled
        self._noise: list[RandomWeights] = []
        self._rules: list[dict[Approximation, ConvolutionRule | None]] = []
        """Of each layer, as the noise is."""
        self._plateau = Plateau(plateau_patience, plateau_threshold)
        self._batches = 0
        self._layers: list[RewrittenConv2d] = []
        self._shares: FlopsAccount | None = None

    def select(self, batch: Batch) -> Batch:
        """All of it; the approximations of this batch hold."""
        reached = self._plateau.reached
        for place in range(len(self._layers)):
            self._noise[place].step = self._batches
            self._approximate(place, "full" if reached else self._choose(place, self._batches))
        self._see_rules(self._layers)
        self._batches += 1
        return batch

    def end_epoch(self, loss: float) -> None:
        """See whether the training has come to a plateau."""
        super().end_epoch(loss)
        self._plateau.see(loss)

    @property
    def at_plateau(self) -> bool:
        """Whether it has gone back to full gradients."""
        return self._plateau.reached

    def cycle(self, epochs: int | None = None) -> Cycle | None:
        """As the schedule repeats, before any plateau; None for a choice of the user's."""
        chosen = self._settings["choose"] is not None
        return None if chosen else Cycle(batches=self.schedule.batches)

    def control(self, *, seed: int = 0) -> "GradientApproximation":
        """Noise instead, on the same schedule."""
        return RandomGradient(**self._settings, seed=seed)

    def _scheduled(self, layer: int, batch: int) -> Approximation:
        return self.approximation if self.schedule.approximates(layer, batch) else "full"

    def _approximate(self, place: int, approximation: Approximation) -> None:
        layer, rules = self._layers[place], self._rules[place]
        if approximation not in rules:
            known = ", ".join(rules)
            raise UsageError(f"there is no approximation {approximation!r}; there is: {known}")
        rule = rules[approximation]
        if layer.rule is not rule:
            layer.rule = rule
            self._book(layer, approximation)

    def _book(self, layer: RewrittenConv2d, approximation: Approximation) -> None:
        if self._shares is not None:
            self._shares.share(layer, self._left(approximation))

    def _rules_of(
        self, layer: RewrittenConv2d, noise: RandomWeights
    ) -> dict[Approximation, ConvolutionRule | None]:
        largest = MaxWeights(self._settings["k"], self._settings["scale"])
        return {
            "full": None,
            "zero": self._autotuned(layer, "zero", Approximated(ZeroWeights())),
            "random": self._autotuned(layer, "random", Approximated(noise)),
            "max": self._autotuned(layer, "max", Approximated(largest)),
        }

    def _autotuned(
        self, layer: RewrittenConv2d, approximation: Approximation, rule: Approximated
    ) -> ConvolutionRule:
        if not self._settings["autotune"]:
            return rule
        k = self._settings["k"]
        return Autotuned(
            rule,
            Approximated(MaxWeights(k)),
            f"max gradient of {k}",
            lambda pays: self._told(layer, approximation if pays else "full"),
        )

    def _told(self, layer: RewrittenConv2d, approximation: Approximation) -> None:
        self._has_ruled |= approximation != "full"
        self._book(layer, approximation)

    def _left(self, approximation: Approximation) -> BackwardShare:
        """Finding the largest element and summing the map takes two operations per element."""
        if approximation == "full":
            return _FULL
        if approximation != "max":
            return _WITHOUT_WEIGHTS
        k = self._settings["k"]
        return BackwardShare(weight_flops_per_output=2.0, bias_fraction=1.0, weight_positions=k)

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        convolutions(model, self._settings["grouped"])

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        found = convolutions(model, self._settings["grouped"])
        self._layers, self._shares = [rewrite(layer) for layer in found.values()], account
        self._noise = [
            RandomWeights(self._settings["sigma"], self.seed % 2**63, place)
            for place in range(len(self._layers))
        ]
        self._rules = [
            self._rules_of(layer, noise)
            for layer, noise in zip(self._layers, self._noise, strict=True)
        ]

    def _detach(self) -> None:
        for layer in self._layers:
            restore(layer)
        self._layers, self._noise, self._rules, self._shares = [], [], [], None

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "batches": self._batches, "plateau": asdict(self._plateau)}

    def _load_state(self, state: Mapping[str, Any]) -> None:
        super()._load_state(state)
        self._batches, self._plateau = state["batches"], Plateau(**state["plateau"])


class ZeroGradient(GradientApproximation):
    """Weight gradients of zero: weights move by momentum and weight decay alone."""

    name = "zero-gradient"
    approximation = "zero"


class RandomGradient(GradientApproximation):
    """Weight gradients of noise, by default of deviation 1/B."""

    name = "random-gradient"
    approximation = "random"

    def control(self, *, seed: int = 0) -> GradientApproximation:
        """Nothing instead, on the same schedule."""
        return ZeroGradient(**self._settings, seed=seed)


class MaxGradient(GradientApproximation):
    """Weight gradients from the largest elements of the output gradient alone."""

    name = "max-gradient"
    approximation = "max"

    def control(
        self, *, seed: int = 0, approximation: Literal["random", "zero"] = "random"
    ) -> GradientApproximation:
        """Noise, or nothing, instead, on the same schedule."""
        kind = RandomGradient if approximation == "random" else ZeroGradient
        return kind(**self._settings, seed=seed)
