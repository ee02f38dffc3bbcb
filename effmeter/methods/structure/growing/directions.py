"""The weights of new units that make the gradient to them as large as it can be.

Source: Evci et al., GradMax: Growing neural networks using gradient information: singular vectors,
and the iterative variants. All functions take a matrix or a stack of them and give columns of
length 1.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

_LARGEST_SVD = 512
"""Above it the eigenvectors of the Gram matrix are much cheaper and good enough in float32."""


def leading_directions(matrix: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """The ``count`` leading left singular vectors (..., rows, count) of (..., rows, columns).

    They are orthonormal, as many as there can be; random ones follow.
    """
    matrix = matrix.to(torch.promote_types(matrix.dtype, torch.float32))
    if min(matrix.shape[-2:]) <= _LARGEST_SVD:
        vectors = torch.linalg.svd(matrix, full_matrices=False).U
    else:
        vectors = torch.linalg.eigh(matrix @ matrix.mT).eigenvectors.flip(-1)
    found = vectors[..., :count]
    further = random_directions(found, count - found.shape[-1], generator)
    return torch.cat((found, further), -1)


def replaced_where_silent(columns: Tensor, matrix: Tensor, generator: torch.Generator) -> Tensor:
    """The columns, with random directions in place of those that ``matrix.T`` maps to almost 0.

    A unit of such a direction would get no gradient: a loss over class scores, for one, has none
    along the direction that raises all scores alike.
    """
    lengths = torch.linalg.vector_norm(matrix.mT.to(columns) @ columns, dim=-2, keepdim=True)
    least = lengths.amax(-1, keepdim=True) * torch.finfo(columns.dtype).eps ** 0.5
    drawn = random_directions(columns, columns.shape[-1], generator)
    return torch.where(lengths > least, columns, drawn)


def random_directions(like: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """``count`` random directions (..., rows, count), drawn one by one and so not orthogonal."""
    shape = (*like.shape[:-1], count)
    drawn = torch.randn(shape, generator=generator, dtype=torch.float64).to(like)
    return functional.normalize(drawn, dim=-2)


def ascended_directions(
    gradient_norm: Callable[[Tensor], Tensor], start: Tensor, iterations: int, rate: float
) -> Tensor:
    """Directions found by projected gradient ascent of ``gradient_norm`` from ``start``.

    Each step goes ``rate`` times the length of the directions along the gradient, then back to
    orthonormal columns (no more of them than rows). The best seen is given back.
    """
    best = directions = _orthonormal(start)
    best_norm = torch.as_tensor(float("-inf"), device=start.device)
    for _ in range(iterations + 1):
        with torch.enable_grad():
            tried = directions.detach().requires_grad_()
            norm = gradient_norm(tried)
            (slope,) = torch.autograd.grad(norm, tried)
        better = norm.detach() > best_norm
        best = torch.where(better, directions, best)
        best_norm = torch.where(better, norm.detach(), best_norm)
        length = torch.linalg.matrix_norm(slope, keepdim=True).clamp(min=1e-30)
        step = rate * slope / length * torch.linalg.matrix_norm(directions, keepdim=True)
        directions = _orthonormal(directions + step)
    return best


def _orthonormal(columns: Tensor) -> Tensor:
    """Those nearest to the columns in turn (Gram and Schmidt); as many as there can be."""
    found, scale = torch.linalg.qr(columns[..., : columns.shape[-2]])
    signs = torch.where(scale.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0)
    return torch.mul(found, signs[..., None, :].to(found))
