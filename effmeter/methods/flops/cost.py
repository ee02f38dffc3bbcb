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
scale and shift); dropout 1. A layer of Gaussian weights is two maps, of means and of variances.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from effmeter.lab.workloads.bayesian import GaussianLayer
from effmeter.lab.workloads.bayesian_lenet import SteadyDropout
from effmeter.lab.workloads.models.attention import DotProducts
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


def kind_of(module: nn.Module) -> LayerKind | None:
    """Under which kind a layer is counted; None for those that are not."""
    if isinstance(module, GaussianLayer):
        return "linear" if module.weight_mean.dim() == 2 else "convolution"
    if isinstance(module, nn.Conv2d):
        return "convolution"
    if isinstance(module, nn.Conv1d | DotProducts):
        return "attention"
    if isinstance(module, _BatchNorm):
        return "batch norm"
    if isinstance(module, nn.GroupNorm):
        return "group norm"
    if isinstance(module, _DropoutNd | SteadyDropout):
        return "dropout"
    return "linear" if isinstance(module, nn.Linear) else None


def call_cost(module: nn.Module, output: Tensor, widening: Widening = _AS_IT_IS) -> CallCost:
    """The dense cost of the call that gave ``output`` (rows, ...), were the layer so much wider.

    A layer of a kind that is not counted costs nothing.
    """
    rows = output.shape[0]
    per_row = output.numel() / rows * widening.outputs if rows else 0.0
    if isinstance(module, nn.Conv2d | nn.Conv1d | nn.Linear):
        has_bias = module.bias is not None
        return _product(module.weight, has_bias, output, per_row, widening.inputs)
    if isinstance(module, GaussianLayer):
        return _product(module.weight_mean, True, output, per_row, widening.inputs, maps=2)
    if isinstance(module, _BatchNorm | nn.GroupNorm):
        return _norm(module, rows, per_row, widening.outputs)
    if isinstance(module, _DropoutNd | SteadyDropout):
        return CallCost(Flops(per_row, 2.0 * per_row), Flops(), rows, per_row)
    if isinstance(module, DotProducts):
        products = 4.0 * per_row * output.shape[-1]
        return CallCost(Flops(products, 2.0 * products), Flops(), rows, per_row)
    return CallCost(Flops(), Flops(), rows, per_row)


def _product(
    weight: Tensor,
    has_bias: bool,
    output: Tensor,
    outputs: float,
    wider_inputs: float,
    maps: int = 1,
) -> CallCost:
    """A convolution or linear map, or ``maps`` of them that give one output."""
    operations = maps * 2.0 * outputs * weight[0].numel() * wider_inputs
    bias = maps * outputs if has_bias else 0.0
    per_row = Flops(operations + bias, operations, operations + bias)
    return CallCost(per_row, Flops(), output.shape[0], outputs, bias, output.shape[2:].numel())


def _norm(module: nn.Module, rows: int, outputs: float, wider_outputs: float) -> CallCost:
    """All of the backward pass is booked on the input: the weights' part cannot be parted."""
    channels = getattr(module, "num_features", 0) or getattr(module, "num_channels", 0)
    return CallCost(
        Flops(_NORM_FORWARD * outputs, _NORM_BACKWARD * outputs),
        Flops(0.0, _NORM_BACKWARD_PER_CHANNEL * channels * wider_outputs),
        rows,
        outputs,
    )
