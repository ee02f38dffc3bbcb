"""What one call of a layer costs, counted from the real module and the shapes that it met.

Conventions of Zhong et al., ssProp, Eq 6 to 8, checked against its tables: a multiplication and
an addition count as two operations. The backward pass of a convolution is ``4 M N Cout`` with
``M`` = batch x height x width of the output and ``N`` = Cin/groups x kernel elements, half of it
for each gradient, and one more per output element for a bias. Batch norm is 12 per element and
10 per channel; dropout 2 per element. Linear layers, pooling and activations are outside the
nominal total; linear layers, group norm and attention (its 1-D convolutions and its products of
queries, keys and values) are counted under kinds of their own. Forward passes: a convolution or
linear layer ``2 M N Cout``; attention's two products ``4 T T C`` for T positions of C channels,
twice that backward; batch and group norm 7 per element in training (mean, variance, normalise,
scale and shift); dropout 1.

A layer of another class is counted once ``register`` knows its kind and its cost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from effmeter.methods.flops.work import Flops, LayerKind

_NORM_FORWARD = 7.0
_NORM_BACKWARD = 12.0
_NORM_BACKWARD_PER_CHANNEL = 10.0


@dataclass(frozen=True, slots=True)
class CallCost:
    """The cost of one call: a part that grows with the rows of the batch, and a fixed one."""

    per_row: Flops
    fixed: Flops
    rows: int
    outputs_per_row: float
    """Elements of the output for each row."""
    bias_per_row: float = 0.0
    """What of the weights' backward pass is the bias's."""
    map_positions: int = 1
    """Elements of one channel of one row of the output."""

    @property
    def dense(self) -> Flops:
        """All of it."""
        return self.per_row * self.rows + self.fixed


@dataclass(frozen=True, slots=True)
class Widening:
    """How much wider a layer's inputs and outputs are in the dense network than in this one."""

    inputs: float = 1.0
    outputs: float = 1.0


_AS_IT_IS = Widening()


Layer = TypeVar("Layer", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class _Registered:
    kind: LayerKind | Callable[[Any], LayerKind]
    cost: Callable[[Any, Tensor, Widening], CallCost]


_REGISTERED: dict[type[nn.Module], _Registered] = {}


def register(
    layer_type: type[Layer],
    kind: LayerKind | Callable[[Layer], LayerKind],
    cost: Callable[[Layer, Tensor, Widening], CallCost],
) -> None:
    """Counts layers of a class and of its subclasses from now on.

    Args:
        layer_type: the class; a class that is registered again takes the new cost.
        kind: the kind under which its layers are counted, or a function that gives it.
        cost: gives the dense cost of the call of a layer that returned an output (rows, ...),
            in a dense network wider than this one by a ``Widening``.
    """
    _REGISTERED[layer_type] = _Registered(kind, cost)


def kind_of(module: nn.Module) -> LayerKind | None:
    """The kind under which a layer is counted; None for a layer that is not counted."""
    found = _registered(module)
    if found is None:
        return None
    return found.kind if isinstance(found.kind, str) else found.kind(module)


def call_cost(module: nn.Module, output: Tensor, widening: Widening = _AS_IT_IS) -> CallCost:
    """The dense cost of the call that returned ``output`` (rows, ...), in a network so widened.

    A layer of a kind that is not counted costs nothing.
    """
    found = _registered(module)
    if found is None:
        return CallCost(Flops(), Flops(), len(output), _outputs_per_row(output, widening))
    return found.cost(module, output, widening)


def _registered(module: nn.Module) -> _Registered | None:
    """The entry of the nearest registered class."""
    classes = type(module).__mro__
    return next((_REGISTERED[kind] for kind in classes if kind in _REGISTERED), None)


def product_cost(
    weight: Tensor, has_bias: bool, output: Tensor, widening: Widening, maps: int = 1
) -> CallCost:
    """A convolution or linear map, or ``maps`` of them that give one output.

    The weight is (outputs, inputs / groups, ...kernel), the output (rows, outputs, ...positions).
    """
    outputs = _outputs_per_row(output, widening)
    operations = maps * 2.0 * outputs * weight[0].numel() * widening.inputs
    bias = maps * outputs if has_bias else 0.0
    per_row = Flops(operations + bias, operations, operations + bias)
    return CallCost(per_row, Flops(), len(output), outputs, bias, output.shape[2:].numel())


def elementwise_cost(
    forward: float, backward: float, output: Tensor, widening: Widening
) -> CallCost:
    """``forward`` and ``backward`` operations for each element of the output; no weights."""
    outputs = _outputs_per_row(output, widening)
    per_row = Flops(forward * outputs, backward * outputs)
    return CallCost(per_row, Flops(), len(output), outputs)


def dropout_cost(_module: nn.Module, output: Tensor, widening: Widening) -> CallCost:
    """Eq 8 of ssProp: two operations per element backward."""
    return elementwise_cost(1.0, 2.0, output, widening)


def _outputs_per_row(output: Tensor, widening: Widening) -> float:
    rows = len(output)
    return output.numel() / rows * widening.outputs if rows else 0.0


def _map_cost(
    module: nn.Conv2d | nn.Conv1d | nn.Linear, output: Tensor, widening: Widening
) -> CallCost:
    return product_cost(module.weight, module.bias is not None, output, widening)


def _norm_cost(module: nn.Module, output: Tensor, widening: Widening) -> CallCost:
    """All of the backward pass is booked on the input: the part of the weights is not separable."""
    channels = getattr(module, "num_features", 0) or getattr(module, "num_channels", 0)
    outputs = _outputs_per_row(output, widening)
    return CallCost(
        Flops(_NORM_FORWARD * outputs, _NORM_BACKWARD * outputs),
        Flops(0.0, _NORM_BACKWARD_PER_CHANNEL * channels * widening.outputs),
        len(output),
        outputs,
    )


register(nn.Conv2d, "convolution", _map_cost)
register(nn.Conv1d, "attention", _map_cost)
register(nn.Linear, "linear", _map_cost)
register(_BatchNorm, "batch norm", _norm_cost)
register(nn.GroupNorm, "group norm", _norm_cost)
register(_DropoutNd, "dropout", dropout_cost)
