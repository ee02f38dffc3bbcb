"""Tensors as they lie in memory, for what works on all their numbers whatever their shape."""

import torch
from torch import Tensor


def is_dense(tensor: Tensor) -> bool:
    """Whether its numbers fill a stretch of memory without gaps, in any order of dimensions."""
    return _by_stride(tensor).is_contiguous()


def laid_out_as(tensor: Tensor, pattern: Tensor) -> Tensor:
    """The tensor in the type and order of another of its shape; itself where it is already."""
    if tensor.dtype == pattern.dtype and tensor.stride() == pattern.stride():
        return tensor
    return torch.empty_like(pattern).copy_(tensor)


def flat(tensor: Tensor) -> Tensor:
    """The numbers of a dense tensor one after the other, without a copy."""
    return _by_stride(tensor.detach()).view(-1)


def _by_stride(tensor: Tensor) -> Tensor:
    """Dimensions from the slowest to the fastest."""
    return tensor.permute(sorted(range(tensor.dim()), key=tensor.stride, reverse=True))
