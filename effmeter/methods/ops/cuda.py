"""The operators of ``effmeter.methods.ops.operators`` by the kernels for CUDA.

They are launched on PyTorch's current stream and wait for nothing; the kept rows of
``confidence`` alone do, since their number decides a shape. Tensors are read where they lie;
bfloat16 as its bits. Types that the kernels do not know are left to PyTorch.
"""

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from effmeter.kernels.cuda import channels, largest_elements, patches
from effmeter.kernels.cuda import confident_rows as rows
from effmeter.kernels.cuda import gradient_similarity as parts
from effmeter.kernels.reference import Window
from effmeter.methods.ops import torch as eager
from effmeter.methods.ops.strides import flat, is_dense, laid_out_as

_TYPES = (torch.float32, torch.bfloat16, torch.float16)
_LONGEST_ROW = 2**31 - 1
_TABLES_KEPT = 8


def max_gradient_weight(
    inputs: Tensor, output_gradient: Tensor, window: Window, count: int
) -> Tensor:
    """Positions first, then the patches below them, in parts where one would leave the GPU idle."""
    if not _known(inputs, output_gradient):
        return eager.max_gradient_weight(inputs, output_gradient, window, count)
    size = (*output_gradient.shape[:2], count)
    with torch.cuda.device(inputs.device):
        positions = inputs.new_empty(size, dtype=torch.int32)
        values = inputs.new_empty(size, dtype=torch.float32)
        largest_elements.peaks(_bits(output_gradient), positions, values, _stream())
        shape = (output_gradient.shape[1], *window.kernel, inputs.shape[1])
        found = inputs.new_empty(
            patches.slices(_bits(inputs), positions, window), *shape, dtype=torch.float32
        ).permute(0, 1, 4, 2, 3)
        patches.patches_weighted(
            _bits(inputs), positions, values, output_gradient.shape[3], window, found, _stream()
        )
    return (found[0] if len(found) == 1 else found.sum(0)).to(inputs.dtype)


def most_important(output_gradient: Tensor, count: int) -> Tensor:
    """The sums by a kernel, the choice by PyTorch."""
    if not _known(output_gradient):
        return eager.most_important(output_gradient, count)
    with torch.cuda.device(output_gradient.device):
        sums = output_gradient.new_empty(output_gradient.shape[:2], dtype=torch.float32)
        channels.magnitude_sums(_bits(output_gradient), sums, _stream())
        return sums.sum(0).topk(count, sorted=False).indices.sort().values


def gathered(output_gradient: Tensor, chosen: Tensor, channels_last: bool) -> Tensor:
    """One copy, whatever the layouts."""
    if not _known(output_gradient):
        return eager.gathered(output_gradient, chosen, channels_last)
    rows_, _, *sizes = output_gradient.shape
    kept = torch.empty(
        (rows_, len(chosen), *sizes),
        dtype=output_gradient.dtype,
        device=output_gradient.device,
        memory_format=torch.channels_last if channels_last else torch.contiguous_format,
    )
    with torch.cuda.device(output_gradient.device):
        channels.gathered(_bits(output_gradient), chosen.contiguous(), _bits(kept), _stream())
    return kept


def channels_last(images: Tensor) -> Tensor:
    """By PyTorch, whose copy is as fast as the memory."""
    return eager.channels_last(images)


def similarity(gradients: Sequence[Tensor], stored: Sequence[Tensor]) -> Tensor:
    """All parts in two launches, from a table of where they lie."""
    alike_in_type = _known(*stored) and len({part.dtype for part in stored}) == 1
    if not alike_in_type or not all(is_dense(part) for part in stored):
        return eager.similarity(gradients, stored)
    alike = [laid_out_as(new, old) for new, old in zip(gradients, stored, strict=True)]
    now, before = flat(alike[0]), flat(stored[0])
    with torch.cuda.device(now.device):
        table, starts = _tables(
            now.device,
            now.element_size(),
            tuple(part.data_ptr() - now.data_ptr() for part in alike),
            tuple(part.data_ptr() - before.data_ptr() for part in stored),
            tuple(part.numel() for part in stored),
        )
        partial = now.new_empty(len(table), 3, dtype=torch.float32)
        sums = now.new_empty(len(stored), 3, dtype=torch.float64)
        parts.similarity(_bits(now), _bits(before), table, starts, partial, sums, _stream())
    return sums.float()


@functools.lru_cache(maxsize=_TABLES_KEPT)
def _tables(
    device: torch.device,
    element_bytes: int,
    gradient_offsets: tuple[int, ...],
    stored_offsets: tuple[int, ...],
    sizes: tuple[int, ...],
) -> tuple[Tensor, Tensor]:
    """Offsets in bytes; gradients mostly lie where they lay in the step before."""
    table, starts = parts.chunk_table(
        [offset // element_bytes for offset in gradient_offsets],
        [offset // element_bytes for offset in stored_offsets],
        list(sizes),
    )
    return torch.from_numpy(table).to(device), torch.from_numpy(starts).to(device)


def confidence(
    scores: Tensor,
    targets: Tensor,
    threshold: float,
    only_right: bool,
    draws: Tensor | None,
    probability: float | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """One launch; the number of rows kept is waited for."""
    if not _known(scores):
        return eager.confidence(scores, targets, threshold, only_right, draws, probability)
    count = len(scores)
    drawn = scores.new_zeros(count) if draws is None else draws
    chance = 1.0 if draws is None else math.nan if probability is None else probability
    with torch.cuda.device(scores.device):
        softmax = scores.new_empty(count, dtype=torch.float32)
        right = scores.new_empty(count, dtype=torch.bool)
        kept = scores.new_empty(count, dtype=torch.int64)
        left = scores.new_zeros(1, dtype=torch.int32)
        rows.confidence(
            _bits(scores),
            targets.long().contiguous(),
            threshold,
            only_right,
            drawn.float().contiguous(),
            chance,
            softmax,
            right.view(torch.uint8),
            kept,
            left,
            _stream(),
        )
    return softmax, right, kept[: int(left)]


def _known(*tensors: Tensor) -> bool:
    return all(
        tensor.dtype in _TYPES and (not len(tensor) or tensor[0].numel() <= _LONGEST_ROW)
        for tensor in tensors
    )


def _bits(tensor: Tensor) -> Tensor:
    detached = tensor.detach()
    return detached.view(torch.uint16) if tensor.dtype == torch.bfloat16 else detached


def _stream() -> int:
    return int(torch.cuda.current_stream().cuda_stream)
