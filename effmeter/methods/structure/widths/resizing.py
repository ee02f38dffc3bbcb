"""Add channels to a hidden width and take some away, in the layers that share it.

Parameters stay the same objects: their data, gradients and the optimizer's slots are replaced by
larger or smaller ones. A new number in a slot (momentum, Adam's moments) is 0.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from effmeter.methods.method import AttachError
from effmeter.methods.structure.widths.graph import HiddenWidth

Reshape = Callable[[Tensor], Tensor]


def refuse_unaligned(parameters: Iterable[Tensor], optimizer: Optimizer) -> None:
    """AttachError where an optimizer keeps what does not belong to single weights.

    SGD, Adam, AdamW, RMSprop and their like keep slots of the weights' own shape; LBFGS and
    Adafactor do not.
    """
    for parameter in parameters:
        for name, slot in optimizer.state.get(parameter, {}).items():
            if isinstance(slot, list | tuple | dict) or (
                isinstance(slot, Tensor) and slot.ndim > 0 and slot.shape != parameter.shape
            ):
                raise AttachError(
                    f"{type(optimizer).__name__} keeps {name!r} that cannot follow a change of "
                    f"width: use SGD, Adam or AdamW"
                )


def keep_channels(width: HiddenWidth, kept: Tensor, optimizer: Optimizer) -> None:
    """Keep only the channels ``kept`` (n,) int64, in this order."""
    refuse_unaligned(width.parameters(), optimizer)
    repeat = width.features_per_channel
    kept = kept.to(width.writer.weight.device)
    columns = (kept[:, None] * repeat + torch.arange(repeat, device=kept.device)).flatten()
    for module in (width.writer, *width.norms):
        for parameter in module.parameters(recurse=False):
            _reshape(parameter, lambda values: values.index_select(0, kept), optimizer)
    for buffer in _channel_buffers(width):
        buffer.data = buffer.data.index_select(0, kept)
    _reshape(width.reader.weight, lambda values: values.index_select(1, columns), optimizer)
    _state_sizes(width)


def append_channels(
    width: HiddenWidth, incoming: Tensor, outgoing: Tensor, optimizer: Optimizer
) -> None:
    """Add n channels after the present ones, with biases 0 and a batch norm of 1 and 0.

    ``incoming`` (n, ...) are their rows of the writer's weight, ``outgoing`` (outputs,
    n x features per channel, ...) their columns of the reader's. Where either is smaller than
    the layer has become since, the rest is 0.
    """
    refuse_unaligned(width.parameters(), optimizer)
    count = len(incoming)
    writer, reader = width.writer, width.reader
    incoming = _padded(incoming, 1, writer.weight.shape[1])
    outgoing = _padded(outgoing, 0, reader.weight.shape[0])
    _append(reader.weight, outgoing, 1, optimizer)
    _append(writer.weight, incoming, 0, optimizer)
    if writer.bias is not None:
        _append(writer.bias, writer.bias.new_zeros(count), 0, optimizer)
    for norm in width.norms:
        _append_identity(norm, count, optimizer)
    _state_sizes(width)


def set_channels(width: HiddenWidth, channels: int, optimizer: Optimizer) -> None:
    """Bring a width to a number of channels: the first ones stay, new ones have weights 0."""
    missing = channels - width.channels
    if missing < 0:
        keep_channels(width, torch.arange(channels), optimizer)
    elif missing > 0:
        row, columns = width.writer.weight[:1], width.reader.weight[:, :1]
        incoming = row.new_zeros((missing, *row.shape[1:]))
        added = missing * width.features_per_channel
        append_channels(
            width, incoming, columns.new_zeros((len(columns), added, *columns.shape[2:])), optimizer
        )


def _append_identity(norm: _BatchNorm, count: int, optimizer: Optimizer) -> None:
    if norm.affine:
        _append(norm.weight, norm.weight.new_ones(count), 0, optimizer)
        _append(norm.bias, norm.bias.new_zeros(count), 0, optimizer)
    if norm.running_mean is not None and norm.running_var is not None:
        mean, variance = norm.running_mean, norm.running_var
        mean.data = torch.cat((mean.data, mean.new_zeros(count)))
        variance.data = torch.cat((variance.data, variance.new_ones(count)))


def _channel_buffers(width: HiddenWidth) -> list[Tensor]:
    buffers = (b for norm in width.norms for b in (norm.running_mean, norm.running_var))
    return [buffer for buffer in buffers if buffer is not None]


def _append(parameter: Tensor, added: Tensor, axis: int, optimizer: Optimizer) -> None:
    added = added.detach().to(parameter)

    def with_zeros(values: Tensor) -> Tensor:
        return torch.cat((values, torch.zeros_like(added, dtype=values.dtype)), axis)

    old = parameter.data
    _reshape(parameter, with_zeros, optimizer)
    parameter.data.narrow(axis, old.shape[axis], added.shape[axis]).copy_(added)


def _reshape(parameter: Tensor, change: Reshape, optimizer: Optimizer) -> None:
    """Put a parameter's data, its gradient and the optimizer's slots through ``change``."""
    shape, gradient = parameter.shape, parameter.grad
    parameter.grad = None
    data = change(parameter.data)
    _forget_shape(parameter)
    parameter.data = data
    if gradient is not None:
        parameter.grad = change(gradient)
    slots = optimizer.state.get(parameter, {})
    for name, slot in slots.items():
        if isinstance(slot, Tensor) and slot.ndim > 0 and slot.shape == shape:
            slots[name] = change(slot)


def _forget_shape(parameter: Tensor) -> None:
    """Make autograd forget the shape that it noted for the gradient.

    A loss that the loop still holds keeps the old note alive, and the next backward pass would
    fail on it; a change of type throws it away.
    """
    other = torch.float16 if parameter.dtype != torch.float16 else torch.float32
    parameter.data = torch.empty(0, dtype=other, device=parameter.device)


def _padded(values: Tensor, axis: int, size: int) -> Tensor:
    missing = size - values.shape[axis]
    behind = [0, 0] * (values.ndim - 1 - axis)
    return pad(values, (*behind, 0, missing)) if missing else values


def _state_sizes(width: HiddenWidth) -> None:
    """Let the modules say the sizes that their weights have."""
    for layer in (width.writer, width.reader):
        outputs, inputs = layer.weight.shape[:2]
        if isinstance(layer, nn.Conv2d):
            layer.out_channels, layer.in_channels = outputs, inputs
        else:
            layer.out_features, layer.in_features = outputs, inputs
    for norm in width.norms:
        norm.num_features = width.channels
