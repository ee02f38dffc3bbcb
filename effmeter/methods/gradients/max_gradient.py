"""A convolution's weight gradient from the largest elements of its output gradient alone.

Source: Wang et al., gradient approximation in the backward pass of convolutional layers, the max
gradient. Of each map of the output gradient (one row, one output channel) the position of the
largest absolute value is kept, and carries the sum of the map; the weight gradient adds up the
patches of the input that lie under these positions. That is the dense weight gradient of the
output gradient with all other elements zero, at one part in H x W of its work.
"""

import torch
from torch import Tensor

from effmeter.errors import UsageError
from effmeter.methods.ops import operators
from effmeter.methods.ops.convolution import Pair
from effmeter.methods.ops.torch import largest


def max_gradient_weight(
    inputs: Tensor,
    output_gradient: Tensor,
    kernel_size: Pair,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    k: int = 1,
) -> Tensor:
    """The weight gradient (Cout, Cin, Kh, Kw).

    ``inputs`` are (B, Cin, Hin, Win), ``output_gradient`` is (B, Cout, H, W). With a ``k`` above 1,
    the extension, the k largest elements of a map stay, and the sum of the others is shared out
    evenly among them: at ``k`` = H x W the gradient is exact. UsageError if a map has no k
    elements.
    """
    _check(output_gradient, k)
    return operators.max_gradient_weight(
        inputs, output_gradient, kernel_size, stride, padding, dilation, k
    )


def with_largest_alone(output_gradient: Tensor, k: int = 1) -> Tensor:
    """The output gradient with zeros for all but its largest elements, which carry the sum."""
    _check(output_gradient, k)
    positions, values = largest(output_gradient, k)
    zeros = torch.zeros_like(output_gradient).flatten(2)
    return zeros.scatter(2, positions, values).view_as(output_gradient)


def _check(output_gradient: Tensor, k: int) -> None:
    elements = output_gradient.shape[2:].numel()
    if not 1 <= k <= elements:
        raise UsageError(f"k is from 1 to the {elements} elements of a map, not {k}")
