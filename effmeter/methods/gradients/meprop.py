"""meProp: linear layers whose backward pass computes with k units alone.

Source: Sun et al., meProp: Sparsified Back Propagation for Accelerated Deep Learning with Reduced
Overfitting. The gradients to input and weights come from the k largest elements of the output
gradient; the bias's is exact, and the output layer is exempt.
"""

from torch import nn
from torch.optim import Optimizer

from effmeter.errors import UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.flops.work import BackwardShare
from effmeter.methods.gradients.gradient_method import GradientMethod
from effmeter.methods.gradients.largest_units import LargestUnits, Scope
from effmeter.methods.gradients.rewriting import (
    RewrittenLinear,
    linear_layers,
    restore,
    rewrite_linear,
)
from effmeter.methods.gradients.sparse_convolution import Selection
from effmeter.methods.method import AttachError, Batch, Cycle


class MeProp(GradientMethod):
    """Keeps ``k`` units of every linear layer but the output layer; see ``LargestUnits``.

    Layers of ``k`` units or fewer stay dense; AttachError where that leaves no layer to work on.
    ``output_layer`` names the exempt layer; by default it is the last linear layer that the model
    defines.
    """

    name = "meprop"

    def __init__(
        self,
        k: int = 30,
        *,
        scope: Scope = "example",
        selection: Selection = "top-k",
        output_layer: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(seed=seed)
        if k < 1:
            raise UsageError(f"k is at least 1, not {k}")
        self._kept = LargestUnits(k, scope, selection, self.generator)
        self._output_layer = output_layer
        self._layers: list[RewrittenLinear] = []

    def select(self, batch: Batch) -> Batch:
        """All of it."""
        self._see_rules(self._layers)
        return batch

    def cycle(self, epochs: int | None = None) -> Cycle:
        """Every step is the same."""
        return Cycle()

    def control(self, *, seed: int = 0) -> "MeProp":
        """As many units, drawn at random."""
        kept = self._kept
        return MeProp(
            kept.k,
            scope=kept.scope,
            selection="random",
            output_layer=self._output_layer,
            seed=seed,
        )

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        self._hidden_layers(model)

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        self._layers = [rewrite_linear(layer) for layer in self._hidden_layers(model)]
        for layer in self._layers:
            layer.rule = self._kept
            account.share(layer, self._left(layer))

    def _detach(self) -> None:
        for layer in self._layers:
            restore(layer)
        self._layers = []

    def _hidden_layers(self, model: nn.Module) -> list[nn.Linear]:
        found = linear_layers(model)
        output_layer = self._output_layer or next(reversed(found), "")
        if output_layer not in found:
            raise AttachError(
                f"the model has no linear layer {output_layer!r}; it has: {', '.join(found)}"
                if found
                else "the model has no linear layer to work on"
            )
        del found[output_layer]
        wide = [layer for layer in found.values() if layer.out_features > self._kept.k]
        if not wide:
            raise AttachError(
                f"besides its output layer {output_layer!r} the model has no linear layer of more "
                f"than k = {self._kept.k} units to work on"
            )
        return wide

    def _left(self, layer: nn.Linear) -> BackwardShare:
        """Choosing by size takes one operation per element of the output gradient."""
        fraction = self._kept.k / layer.out_features
        choosing = 1.0 if self._kept.selection == "top-k" else 0.0
        return BackwardShare(fraction, fraction, choosing, bias_fraction=1.0)
