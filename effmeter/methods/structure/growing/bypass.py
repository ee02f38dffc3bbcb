"""The gradient of a zero bypass, from which GradMax reads how new units should be connected.

Source: Evci et al., GradMax: Growing neural networks using gradient information, section 3. Think
of a second route from a layer's input to the outputs of the layer that reads it: every window of
the input, unfolded into channels, passes what lies between the layers but for activations and
norms, and is read like a hidden channel, with weights 0. The gradient to these weights is M: rows
are the reader's outputs (times its kernel), columns the writer's inputs (times its kernel). A new
unit with incoming weights 0 and outgoing weights w gets the gradient M^T w on its incoming ones.
Unfolding is exact at any stride, padding and dilation of both layers.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, unfold
from torch.nn.grad import conv2d_weight

from effmeter.methods.structure.widths.graph import HiddenWidth
from effmeter.methods.structure.widths.path import without_nonlinearities


def bypass_gradient(
    width: HiddenWidth, inputs: Tensor, output_gradient: Tensor, *, most_unfolded: int = 2**26
) -> Tensor:
    """M (outputs x kernel, inputs x kernel), summed over the rows of a batch.

    ``inputs`` (rows, ...) went into the writer; ``output_gradient`` (rows, ...) is the loss's
    gradient to what the reader gave. No more rows are unfolded at once than have about
    ``most_unfolded`` elements, but one.
    """
    kernel = width.writer.weight[0, 0].numel()
    rows = max(1, most_unfolded // (inputs[0].numel() * kernel))
    parts = zip(inputs.split(rows), output_gradient.split(rows), strict=True)
    gradient, *more = (_bypass_gradient(width, x, g) for x, g in parts)
    for part in more:
        gradient += part
    return gradient


def as_outgoing(width: HiddenWidth, columns: Tensor) -> Tensor:
    """Columns (rows of M, n) as the reader's weights of n channels."""
    reader, count = width.reader, columns.shape[1]
    if isinstance(reader, nn.Conv2d):
        shaped = columns.reshape(-1, *reader.kernel_size, count)
        return shaped.movedim(-1, 1)
    shaped = columns.reshape(-1, width.features_per_channel, count)
    return shaped.transpose(1, 2).flatten(1)


def as_incoming(width: HiddenWidth, rows: Tensor) -> Tensor:
    """Rows (n, columns of M) as the writer's weights of n channels."""
    return rows.reshape(len(rows), *width.writer.weight.shape[1:])


def outgoing_columns(width: HiddenWidth) -> Tensor:
    """The reader's weights as (rows of M, channels): the inverse of ``as_outgoing``."""
    weight = width.reader.weight.detach()
    if isinstance(width.reader, nn.Conv2d):
        return weight.movedim(1, -1).flatten(0, -2)
    by_channel: Tensor = weight.unflatten(1, (width.channels, -1))
    return by_channel.transpose(1, 2).flatten(0, 1)


def written(width: HiddenWidth, inputs: Tensor, incoming: Tensor) -> Tensor:
    """What the writer gives with other weights ``incoming`` (as rows) and without biases."""
    windows = _windows(width.writer, inputs)
    if isinstance(width.writer, nn.Conv2d):
        return torch.einsum("nk,bkhw->bnhw", incoming, windows)
    return torch.matmul(windows, incoming.T)


def reading_gradient(width: HiddenWidth, channels: Tensor, output_gradient: Tensor) -> Tensor:
    """The gradient (rows of M, channels) to the weights that read such ``channels``.

    They come as the reader meets them: (rows, n, H, W), (rows, ..., n) or (rows, n x features).
    """
    reader = width.reader
    if isinstance(reader, nn.Conv2d):
        outputs, kernel = len(reader.weight), reader.kernel_size
        kernels: Tensor = conv2d_weight(
            _padded(reader, channels),
            (outputs, channels.shape[1], *kernel),
            output_gradient,
            stride=reader.stride,
            dilation=reader.dilation,
        )
        return kernels.movedim(1, -1).flatten(0, -2)
    gradient = output_gradient.flatten(0, -2).T @ channels.flatten(0, -2)
    by_channel: Tensor = gradient.unflatten(1, (-1, width.features_per_channel))
    return by_channel.transpose(1, 2).flatten(0, 1)


def _bypass_gradient(width: HiddenWidth, inputs: Tensor, output_gradient: Tensor) -> Tensor:
    windows = _windows(width.writer, inputs)
    # The tangent at zero follows a maximum pooling to the place that it takes among equals.
    walk = without_nonlinearities(width.path)
    channels: Tensor = torch.autograd.functional.jvp(walk, torch.zeros_like(windows), windows)[1]
    return reading_gradient(width, channels, output_gradient)


def _windows(layer: nn.Conv2d | nn.Linear, inputs: Tensor) -> Tensor:
    """What each output of a layer sees, as channels (rows, inputs x kernel, H, W)."""
    if isinstance(layer, nn.Linear):
        return inputs
    padded = _padded(layer, inputs)
    height, breadth = (
        (size - reach * (kernel - 1) - 1) // step + 1
        for size, reach, kernel, step in zip(
            padded.shape[2:], layer.dilation, layer.kernel_size, layer.stride, strict=True
        )
    )
    columns = unfold(padded, layer.kernel_size, layer.dilation, stride=layer.stride)
    return columns.reshape(*columns.shape[:2], height, breadth)


def _padded(layer: nn.Conv2d, images: Tensor) -> Tensor:
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    return pad(images, layer._reversed_padding_repeated_twice, mode)
