"""The gradients of a two-dimensional convolution, by PyTorch and by columns of patches.

Tensors are inputs (B, Cin, Hin, Win), weights (Cout, Cin, Kh, Kw) and output gradients
(B, Cout, H, W); the padding is of zeros, the groups are one.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import fold, pad, unfold
from torch.nn.modules.utils import _pair

from effmeter.errors import UsageError

Pair = tuple[int, ...]
Backend = Literal["torch", "img2col"]
Wanted = tuple[bool, bool, bool]
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]
"""To the inputs, the weights and the bias; None where it is not wanted."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the kernel goes."""

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)


def settled(
    inputs: Tensor,
    weight: Tensor,
    stride: int | Pair,
    padding: int | Pair | str,
    dilation: int | Pair,
) -> tuple[Tensor, Geometry]:
    """The inputs and the geometry with padding in numbers; what is asymmetric is padded here.

    UsageError for a word that is no padding, and for ``"same"`` with a stride.
    """
    strides, dilations = _pair(stride), _pair(dilation)
    if padding == "valid":
        return inputs, Geometry(strides, (0, 0), dilations)
    if not isinstance(padding, str):
        return inputs, Geometry(strides, _pair(padding), dilations)
    if padding != "same" or strides != (1, 1):
        raise UsageError(f"padding {padding!r} with stride {strides}: only 'same' with stride 1")
    high, wide = (d * (k - 1) for d, k in zip(dilations, weight.shape[2:], strict=True))
    if high % 2 or wide % 2:
        inputs = pad(inputs, (0, wide % 2, 0, high % 2))
    return inputs, Geometry(strides, (high // 2, wide // 2), dilations)


def autocast_operands(
    inputs: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """As a convolution gets them inside ``torch.autocast``; its backward pass keeps their type."""
    device = inputs.device.type
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        return inputs, weight, bias
    lower = torch.get_autocast_dtype(device)

    def cast(tensor: Tensor) -> Tensor:
        return tensor if tensor.dtype == torch.float64 else tensor.to(lower)

    return cast(inputs), cast(weight), None if bias is None else cast(bias)


def gradients(
    output_gradient: Tensor,
    inputs: Tensor,
    weight: Tensor,
    geometry: Geometry,
    wanted: Wanted,
    backend: Backend = "torch",
) -> Gradients:
    """All that are wanted.

    ``backend`` is PyTorch's own convolution backward, or products of matrices over the
    columns of patches (img2col), which takes Kh x Kw times the memory of the inputs.
    """
    if backend == "img2col":
        return _by_columns(output_gradient, inputs, weight, geometry, wanted)
    if wanted[2] and not wanted[1]:
        # For a bias alone oneDNN computes the gradient to the weights as well.
        others = (wanted[0], False, False)
        to_input, *_ = gradients(output_gradient, inputs, weight, geometry, others)
        return to_input, None, output_gradient.sum((0, 2, 3))
    if not any(wanted):
        return None, None, None
    if reads_single_pixels(weight, geometry) and max(geometry.stride) > 1:
        return _from_pixels_read(output_gradient, inputs, weight, geometry, wanted)
    found: Gradients = torch.ops.aten.convolution_backward(
        output_gradient,
        inputs,
        weight,
        [weight.shape[0]],
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        False,
        [0, 0],
        1,
        wanted,
    )
    return found


def reads_single_pixels(weight: Tensor, geometry: Geometry) -> bool:
    """Whether each output reads one pixel."""
    return weight.shape[2:].numel() == 1 and geometry.padding == (0, 0)


def _from_pixels_read(
    output_gradient: Tensor, inputs: Tensor, weight: Tensor, geometry: Geometry, wanted: Wanted
) -> Gradients:
    """Those of the convolution at stride 1 over the pixels that it reads.

    It costs less than PyTorch's, whose gradient to few channels that are last in memory
    also writes out of its bounds (PyTorch 2.13 with oneDNN, several threads, odd batches).
    """
    down, right = geometry.stride
    order = torch.channels_last if is_by_pixel(inputs) else torch.contiguous_format
    read = inputs[:, :, ::down, ::right].contiguous(memory_format=order)
    to_read, to_weight, to_bias = gradients(output_gradient, read, weight, Geometry(), wanted)
    if to_read is None:
        return None, to_weight, to_bias
    to_input = torch.zeros_like(inputs, memory_format=order)
    to_input[:, :, ::down, ::right] = to_read
    return to_input, to_weight, to_bias


def is_by_pixel(images: Tensor) -> bool:
    """Whether their channels, and not those of every layout, are the last in memory."""
    is_last = images.is_contiguous(memory_format=torch.channels_last)
    return is_last and not images.is_contiguous()


def _by_columns(
    output_gradient: Tensor, inputs: Tensor, weight: Tensor, geometry: Geometry, wanted: Wanted
) -> Gradients:
    window = (weight.shape[2:], geometry.dilation, geometry.padding, geometry.stride)
    maps = output_gradient.flatten(2)
    to_input = to_weight = to_bias = None
    with torch.autocast(maps.device.type, enabled=False):
        if wanted[0]:
            to_input = fold(weight.flatten(1).t() @ maps, inputs.shape[2:], *window)
        if wanted[1]:
            columns = unfold(inputs, *window)
            to_weight = torch.einsum("bcl,bnl->cn", maps, columns).view_as(weight)
        if wanted[2]:
            to_bias = maps.sum((0, 2))
    return to_input, to_weight, to_bias
