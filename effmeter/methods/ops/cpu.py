"""The operators of ``effmeter.methods.ops.operators`` by the kernels for the processor.

Tensors are read where they lie. Kernels compute in float32: half precision is widened first, any
other type is left to PyTorch.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from effmeter.kernels.cpu import channels, largest_elements, layouts, patches
from effmeter.kernels.cpu import confident_rows as rows
from effmeter.kernels.cpu import gradient_similarity as parts
from effmeter.kernels.cpu.compiling import threads
from effmeter.kernels.reference import Array, Window
from effmeter.methods.ops import torch as eager
from effmeter.methods.ops.strides import flat, is_dense, laid_out_as

_NUMBERS_WORTH_A_THREAD = 1 << 15
_WIDENED = (torch.float32, torch.bfloat16, torch.float16)


def max_gradient_weight(
    inputs: Tensor, output_gradient: Tensor, window: Window, count: int
) -> Tensor:
    """Positions first, then the patches below them."""
    if not _in_float32(inputs, output_gradient):
        return eager.max_gradient_weight(inputs, output_gradient, window, count)
    with _threads_for(inputs, output_gradient):
        positions, values = largest_elements.peaks(_array(output_gradient), count)
        found = patches.patches_weighted(
            _array(inputs), positions, values, output_gradient.shape[3], window
        )
    return torch.from_numpy(found).to(inputs.dtype)


def most_important(output_gradient: Tensor, count: int) -> Tensor:
    """The sums by a kernel, the choice by PyTorch."""
    if not _in_float32(output_gradient):
        return eager.most_important(output_gradient, count)
    with _threads_for(output_gradient):
        importance = channels.importance(_array(output_gradient))
    found = torch.from_numpy(importance).topk(count, sorted=False).indices
    return found.sort().values


def gathered(output_gradient: Tensor, chosen: Tensor, channels_last: bool) -> Tensor:
    """One copy, whatever the layouts; without a change of layout PyTorch's copy is as fast."""
    if not channels_last or not _in_float32(output_gradient):
        return eager.gathered(output_gradient, chosen, channels_last)
    halves = output_gradient.dtype.itemsize == 2
    bits = output_gradient.view(torch.int16) if halves else output_gradient
    with _threads_for(output_gradient):
        kept = channels.gathered(bits.detach().numpy(), chosen.numpy())
    return torch.from_numpy(kept).view(output_gradient.dtype)


def channels_last(images: Tensor) -> Tensor:
    """Several times as fast as PyTorch's copy."""
    if images.dtype != torch.float32 or not images.is_contiguous():
        return eager.channels_last(images)
    # Memory from PyTorch: NumPy's asks for huge pages, and Linux may move others for them
    # in several times the time that the copy takes.
    laid_out = torch.empty_like(images, memory_format=torch.channels_last)
    with _threads_for(images):
        layouts.lay_out(_array(images), laid_out.permute(0, 2, 3, 1).numpy())
    return laid_out


def similarity(gradients: Sequence[Tensor], stored: Sequence[Tensor]) -> Tensor:
    """All parts in one call, each in the order of its memory."""
    if not all(part.dtype == torch.float32 and is_dense(part) for part in stored):
        return eager.similarity(gradients, stored)
    alike = [laid_out_as(new, old) for new, old in zip(gradients, stored, strict=True)]
    with _threads_for(*stored):
        now, before = ([flat(part).numpy() for part in side] for side in (alike, stored))
        sums = parts.similarity(now, before)
    return torch.from_numpy(sums).float()


def confidence(
    scores: Tensor,
    targets: Tensor,
    threshold: float,
    only_right: bool,
    draws: Tensor | None,
    probability: float | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """One pass over the scores."""
    if not _in_float32(scores):
        return eager.confidence(scores, targets, threshold, only_right, draws, probability)
    always = draws is None
    with _threads_for(scores):
        found = rows.confidence(
            _array(scores.contiguous()),
            targets.contiguous().numpy(),
            threshold,
            only_right,
            torch.zeros(len(scores)).numpy() if draws is None else _array(draws.contiguous()),
            1.0 if always else math.nan if probability is None else probability,
        )
    softmax, right, kept = map(torch.from_numpy, found)
    return softmax, right, kept


@contextmanager
def _threads_for(*tensors: Tensor) -> Iterator[None]:
    """As many threads as PyTorch would use for these tensors."""
    count = torch.get_num_threads()
    shares = 1 + sum(tensor.numel() for tensor in tensors) // _NUMBERS_WORTH_A_THREAD
    with threads(min(shares, count)):
        # Where Numba's threads start, they set the number of those of OpenMP: PyTorch's too.
        if torch.get_num_threads() != count:
            torch.set_num_threads(count)
        yield


def _in_float32(*tensors: Tensor) -> bool:
    return all(tensor.dtype in _WIDENED for tensor in tensors)


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().float().numpy()
    return array
