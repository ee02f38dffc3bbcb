"""The operators of ``effmeter.methods.ops.operators`` in plain PyTorch operations.

They run on any device and in any type, wherever no compiled kernel can.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

from effmeter.kernels.reference import Window


def max_gradient_weight(
    inputs: Tensor, output_gradient: Tensor, window: Window, count: int
) -> Tensor:
    """For each element of the kernel, weighted rows of a table of pixels (B x Hin x Win, Cin)."""
    positions, values = largest(output_gradient, count)
    (pad_h, pad_w), (stride_h, stride_w) = window.padding, window.stride
    padded = pad(inputs, (pad_w, pad_w, pad_h, pad_h))
    (height, width), output_width = padded.shape[2:], output_gradient.shape[3]
    tops, lefts = positions // output_width * stride_h, positions % output_width * stride_w
    images = torch.arange(len(inputs), device=inputs.device).view(-1, 1, 1) * height
    corners = ((images + tops) * width + lefts).transpose(0, 1).flatten(1)
    offsets = _offsets(window, width, inputs.device)
    found = embedding_bag(
        (corners + offsets.view(-1, 1, 1)).flatten(0, 1),
        padded.permute(0, 2, 3, 1).flatten(0, 2),
        per_sample_weights=values.transpose(0, 1).flatten(1).repeat(len(offsets), 1),
        mode="sum",
    )
    return found.view(*window.kernel, *corners.shape[:1], -1).permute(2, 3, 0, 1)


def _offsets(window: Window, width: int, device: torch.device) -> Tensor:
    """How far each element of the kernel lies behind its corner, in pixels."""
    down = torch.arange(window.kernel[0], device=device) * window.dilation[0] * width
    right = torch.arange(window.kernel[1], device=device) * window.dilation[1]
    return (down.unsqueeze(1) + right).flatten()


def largest(output_gradient: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Of each map (B, Cout, H, W), positions (B, Cout, count) of its largest elements, and values.

    The values add up to the sum of the map.
    """
    maps = output_gradient.flatten(2)
    positions = maps.abs().topk(count, sorted=False).indices
    values = maps.gather(2, positions)
    others = maps.sum(2, keepdim=True) - values.sum(2, keepdim=True)
    return positions, values + others / count


def most_important(output_gradient: Tensor, count: int) -> Tensor:
    """By the sum of magnitudes, which orders channels as their mean does."""
    importance: Tensor = torch.linalg.vector_norm(
        output_gradient, 1, (0, 2, 3), dtype=_wide(output_gradient)
    )
    return importance.topk(count, sorted=False).indices.sort().values


def gathered(output_gradient: Tensor, chosen: Tensor, channels_last: bool) -> Tensor:
    """A copy, and where it must be laid out otherwise another."""
    order = torch.channels_last if channels_last else torch.contiguous_format
    return output_gradient.index_select(1, chosen).contiguous(memory_format=order)


def channels_last(images: Tensor) -> Tensor:
    """A copy by PyTorch."""
    return images.contiguous(memory_format=torch.channels_last)


def similarity(gradients: Sequence[Tensor], stored: Sequence[Tensor]) -> Tensor:
    """Three sums for each part, which is stored then."""
    sums = []
    for new, old in zip(gradients, stored, strict=True):
        now, before = (part.to(_wide(part)) for part in (new, old))
        sums.append(torch.stack([(now * before).sum(), now.square().sum(), before.square().sum()]))
        old.copy_(new)
    return torch.stack(sums).float()


def confidence(
    scores: Tensor,
    targets: Tensor,
    threshold: float,
    only_right: bool,
    draws: Tensor | None,
    probability: float | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Softmax, comparison and compaction, one after the other."""
    softmax, predicted = scores.float().softmax(dim=1).max(dim=1)
    right = (predicted == targets) & ~softmax.isnan()
    left_out = softmax > threshold
    if only_right:
        left_out &= right
    if draws is not None:
        left_out &= draws < (softmax if probability is None else probability)
    return softmax, right, left_out.logical_not().nonzero().flatten()


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)
