"""ssProp: convolutions whose backward pass computes with the most important channels alone.

Source: Zhong et al., ssProp: Energy-Efficient Training for Convolutional Neural Networks with
Scheduled Sparse Back Propagation. Every two-dimensional convolution takes part, the first and
those of shortcuts too; by default whole channels are dropped, 80 % of them in every second epoch.
The work follows its Eq 6 to 11: ``work().nominal`` counts a fraction of the channels and one
operation per element of the output gradient for choosing among them, ``work().executed`` the
whole channels that ran.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn
from torch.optim import Optimizer

from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.flops.work import BackwardShare
from effmeter.methods.gradients.autotune import Autotuned
from effmeter.methods.gradients.drop_schedules import DropCurve, DropSchedule, PeriodUnit
from effmeter.methods.gradients.gradient_method import GradientMethod
from effmeter.methods.gradients.rewriting import (
    ConvolutionRule,
    Grouped,
    RewrittenConv2d,
    convolutions,
    restore,
    rewrite,
)
from effmeter.methods.gradients.sparse_convolution import Dimension, Selection, Sparsity, kept_count
from effmeter.methods.method import Batch, Cycle
from effmeter.methods.ops.convolution import Backend

_DENSE = BackwardShare()


class SsProp(GradientMethod):
    """Drops a scheduled share of each convolution's output gradient; see ``DropSchedule``.

    ``dimension``, ``selection`` and ``backend`` are those of ``Sparsity``: only whole channels
    are skipped, and ``work()`` says that the other dimensions are dense. ``grouped`` says whether
    convolutions with groups, which it cannot work on, are refused or left dense. With
    ``autotune``, layers that gain no time by it on this machine stay dense; see ``Autotuned``. A
    schedule over the training needs ``begin_epoch(epoch, epochs)``; a period in iterations needs
    ``begin_step``.
    """

    name = "ssprop"

    def __init__(
        self,
        drop: float = 0.8,
        schedule: DropCurve = "period",
        *,
        period: int = 2,
        period_unit: PeriodUnit = "epochs",
        dimension: Dimension = "channel",
        selection: Selection = "top-k",
        backend: Backend = "torch",
        grouped: Grouped = "refuse",
        autotune: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        self.schedule = DropSchedule(schedule, drop, period, period_unit)
        self._dimension: Dimension = dimension
        self._selection: Selection = selection
        self._backend: Backend = backend
        self._grouped: Grouped = grouped
        self._autotune = autotune
        self._epoch = 0
        self._epochs_in_all: int | None = None
        self._iterations = 0
        self._layers: list[RewrittenConv2d] = []
        self._shares: FlopsAccount | None = None

    def begin_epoch(self, epoch: int, epochs: int | None = None) -> None:
        """The drop rate of this epoch holds; UnfitError if the schedule must know ``epochs``."""
        self._epoch, self._epochs_in_all = epoch, epochs
        self._set_drop(self._scheduled_drop())

    def select(self, batch: Batch) -> Batch:
        """All of it; the drop rate of this iteration holds."""
        self._iterations += 1
        if self.schedule.period_unit == "iterations":
            self._set_drop(self._scheduled_drop())
        self._see_rules(self._layers)
        return batch

    def cycle(self, epochs: int | None = None) -> Cycle:
        """As the schedule repeats."""
        return self.schedule.cycle(epochs)

    def control(self, *, seed: int = 0) -> "SsProp":
        """As many channels, drawn at random."""
        return SsProp(
            self.schedule.drop,
            self.schedule.curve,
            period=self.schedule.period,
            period_unit=self.schedule.period_unit,
            dimension=self._dimension,
            selection="random",
            backend=self._backend,
            grouped=self._grouped,
            autotune=self._autotune,
            seed=seed,
        )

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        convolutions(model, self._grouped)

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        self._layers = [rewrite(layer) for layer in convolutions(model, self._grouped).values()]
        self._shares = account
        self._resume()

    def _detach(self) -> None:
        for layer in self._layers:
            restore(layer)
        self._layers, self._shares = [], None

    def _state(self) -> dict[str, Any]:
        return {
            **super()._state(),
            "epoch": self._epoch,
            "epochs_in_all": self._epochs_in_all,
            "iterations": self._iterations,
        }

    def _load_state(self, state: Mapping[str, Any]) -> None:
        super()._load_state(state)
        self._epoch, self._epochs_in_all = state["epoch"], state["epochs_in_all"]
        self._iterations = state["iterations"]
        self._resume()

    def _resume(self) -> None:
        """A schedule over the training that no epoch has begun of is dense as yet."""
        if self._epochs_in_all is not None or not self.schedule.spans_training:
            self._set_drop(self._scheduled_drop())

    def _scheduled_drop(self) -> float:
        iteration = max(self._iterations - 1, 0)
        return self.schedule.drop_at(self._epoch, self._epochs_in_all, iteration)

    def _set_drop(self, drop: float) -> None:
        for layer in self._layers:
            layer.rule = self._rule(layer, drop) if drop else None
            self._book(layer, drop)

    def _book(self, layer: nn.Conv2d, drop: float) -> None:
        if self._shares is not None:
            self._shares.share(layer, *self._left(layer, drop))

    def _rule(self, layer: nn.Conv2d, drop: float) -> ConvolutionRule:
        by_importance = Sparsity(1.0 - drop, self._dimension, backend=self._backend)
        rule = replace(by_importance, selection=self._selection, generator=self.generator)
        if not self._autotune:
            return rule
        return Autotuned(
            rule,
            by_importance,
            f"ssprop of {drop:g} by {self._dimension} with {self._backend}",
            lambda pays: self._told(layer, drop if pays else 0.0),
        )

    def _told(self, layer: nn.Conv2d, drop: float) -> None:
        self._has_ruled |= drop > 0.0
        self._book(layer, drop)

    def _left(self, layer: nn.Conv2d, drop: float) -> tuple[BackwardShare, BackwardShare]:
        """Executed and nominal; drawing costs nothing, choosing by importance does."""
        if not drop:
            return _DENSE, _DENSE
        choosing = 1.0 if self._selection == "top-k" else 0.0
        if self._dimension != "channel":
            return (BackwardShare(flops_per_output=choosing),) * 2
        kept = kept_count(layer.out_channels, 1.0 - drop) / layer.out_channels
        return (
            BackwardShare(kept, kept, choosing),
            BackwardShare(1.0 - drop, 1.0 - drop, choosing),
        )
