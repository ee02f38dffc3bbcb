"""Counts the work of a model while it trains, from the calls of its layers.

The account observes what ran: a forward pass without gradients costs no backward, a layer whose
weights are frozen no weight gradient, a first layer no gradient to its input, a skipped batch
nothing. Only a method that rewrites a layer's backward pass says what part of it is left.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from effmeter.methods.flops.cost import CallCost, Widening, call_cost, kind_of
from effmeter.methods.flops.work import NO_FLOPS, BackwardShare, Flops, LayerKind, LayerWork, Work

_ALL = BackwardShare()


class FlopsAccount:
    """The account of one model's work; ``open`` it before training and ``close`` it after.

    Calls in training mode count, so an evaluation costs nothing here.
    """

    def __init__(self, model: nn.Module) -> None:
        self._layers = {
            module: _Counted(name, module, kind)
            for name, module in model.named_modules()
            if (kind := kind_of(module)) is not None
        }
        self._hooks: list[RemovableHandle] = []

    def open(self) -> None:
        """Begin to count."""
        for module, counted in self._layers.items():
            # Traced, the account would be a constant of the graph: one more compilation a step.
            hook = torch.compiler.disable(counted.called)
            self._hooks.append(module.register_forward_hook(hook))

    def close(self) -> None:
        """Count no longer; the account stays."""
        while self._hooks:
            self._hooks.pop().remove()

    def offer(self, rows: int) -> None:
        """The loop has a batch of ``rows`` rows: training on all of it is the dense work."""
        for counted in self._layers.values():
            counted.offered(rows)

    def share(
        self, module: nn.Module, executed: BackwardShare, nominal: BackwardShare | None = None
    ) -> None:
        """From now on a layer's backward pass is but a part of the dense one.

        ``nominal`` defaults to what is executed. KeyError for a layer that is not counted.
        """
        counted = self._layers[module]
        counted.executed_share = executed
        counted.nominal_share = executed if nominal is None else nominal

    def shows_dense(self, whole: bool) -> None:
        """Whether steps from now on run whole, or a method has frozen a part of the model.

        The first whole step shows what a dense one costs.
        """
        for counted in self._layers.values():
            counted.step_is_whole = whole

    def widen(self, module: nn.Module, widening: Widening) -> None:
        """In the dense network a layer is so much wider than it is at its next first step.

        Of methods that train a smaller network first. KeyError for a layer that is not counted.
        """
        self._layers[module].widening = widening

    def counts(self, module: nn.Module) -> bool:
        """Whether a layer is counted."""
        return module in self._layers

    def work(self) -> Work:
        """The account so far, of whole steps."""
        return Work(tuple(counted.work() for counted in self._layers.values()))


class _Counted:
    """The calls of one layer."""

    def __init__(self, name: str, module: nn.Module, kind: LayerKind) -> None:
        self.executed_share = _ALL
        self.nominal_share = _ALL
        self.step_is_whole = True
        self.widening = Widening()
        self._name, self._kind = name, kind
        self._parameters = list(module.parameters(recurse=False))
        self._executed = self._nominal = NO_FLOPS
        self._costs: dict[tuple[int, ...], CallCost] = {}
        self._offered_rows = self._offered_batches = 0
        self._step_per_row = self._step_fixed = NO_FLOPS
        """What a step computes without any method, known from the first whole one that ran."""
        self._step_is_known = False

    def offered(self, rows: int) -> None:
        """One more batch."""
        self._step_is_known = self._step_per_row != NO_FLOPS
        self._offered_rows += rows
        self._offered_batches += 1

    def called(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Book what this call runs; a hook of the forward pass."""
        if not module.training:
            return
        cost = self._cost(module, output)
        if not (torch.is_grad_enabled() and output.requires_grad):
            self._executed += Flops(cost.dense.forward)
            return
        to_input = any(isinstance(x, Tensor) and x.requires_grad for x in inputs)
        to_weight = any(parameter.requires_grad for parameter in self._parameters)
        if not cost.per_row.backward_weight:
            to_input = True
        if self.step_is_whole and not self._step_is_known:
            whole = call_cost(module, output, self.widening)
            self._step_per_row += _reached(whole.per_row, to_input, to_weight)
            self._step_fixed += _reached(whole.fixed, to_input, to_weight)
        self._executed += _reached(_shared(cost, self.executed_share), to_input, to_weight)
        self._executed += _choosing(cost, self.executed_share, to_weight)
        self._nominal += _shared(cost, self.nominal_share) + _choosing(cost, self.nominal_share)

    def work(self) -> LayerWork:
        """The account so far."""
        rows, batches = self._offered_rows, self._offered_batches
        dense = self._step_per_row * rows + self._step_fixed * batches
        return LayerWork(self._name, self._kind, dense, self._executed, self._nominal)

    def _cost(self, module: nn.Module, output: Tensor) -> CallCost:
        shape = (*output.shape, *(n for p in self._parameters for n in p.shape))
        if shape not in self._costs:
            self._costs[shape] = call_cost(module, output)
        return self._costs[shape]


def _shared(cost: CallCost, share: BackwardShare) -> Flops:
    """A call whose backward pass is partly left out, without choosing what is left."""
    dense, added = cost.dense, share.weight_flops_per_output * cost.outputs_per_row * cost.rows
    bias, weight_fraction = cost.bias_per_row * cost.rows, share.weight_fraction
    bias_fraction = weight_fraction if share.bias_fraction is None else share.bias_fraction
    if share.weight_positions is not None:
        weight_fraction *= min(1.0, share.weight_positions / cost.map_positions)
    return Flops(
        dense.forward,
        dense.backward_input * share.input_fraction,
        (dense.backward_weight - bias) * weight_fraction + bias * bias_fraction + added,
    )


def _choosing(cost: CallCost, share: BackwardShare, to_weight: bool = True) -> Flops:
    """What choosing costs: part of the weights' gradient, or of the input's where that is alone."""
    flops = share.flops_per_output * cost.outputs_per_row * cost.rows
    return Flops(backward_weight=flops) if to_weight else Flops(backward_input=flops)


def _reached(flops: Flops, to_input: bool, to_weight: bool) -> Flops:
    """Without the gradients that are not computed: to a frozen weight, to the model's input."""
    return Flops(
        flops.forward,
        flops.backward_input if to_input else 0.0,
        flops.backward_weight if to_weight else 0.0,
    )
