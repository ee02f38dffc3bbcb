"""Linear layers with a sparse backward pass, beside a masked dense one in float64."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

from effmeter.methods.gradients.largest_units import Scope, sparse_linear
from tests.methods.gradients.backward import assert_equal

SCOPES: tuple[Scope, ...] = ("example", "batch")


def tensors(*leading: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs, weights and bias that require gradients, and a gradient to the output."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((*leading, 5), (9, 5), (9,), (*leading, 9))
    drawn = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    return (
        drawn[0].requires_grad_(),
        drawn[1].requires_grad_(),
        drawn[2].requires_grad_(),
        drawn[3],
    )


def largest_alone(gradient: Tensor, k: int, scope: Scope) -> Tensor:
    rows = gradient.flatten(0, -2).abs()
    worth = rows if scope == "example" else rows.sum(0, keepdim=True)
    least = worth.sort(dim=1, descending=True).values[:, k - 1 : k]
    return gradient * (worth >= least).expand_as(rows).view_as(gradient)


def sparse_gradients(*leading: int, **settings: Any) -> tuple[Tensor, ...]:
    inputs, weight, bias, gradient = tensors(*leading)
    output = sparse_linear(inputs, weight, bias, **settings)
    return torch.autograd.grad(output, (inputs, weight, bias), gradient)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("k", [1, 4, 9])
@pytest.mark.parametrize("leading", [(6,), (2, 3)])
def test_gradients_come_from_the_largest_units_and_the_bias_is_exact(
    leading: tuple[int, ...], k: int, scope: Scope
) -> None:
    inputs, weight, bias, gradient = tensors(*leading)
    output = linear(inputs, weight, bias)
    (exact_bias,) = torch.autograd.grad(output, (bias,), gradient, retain_graph=True)
    masked = largest_alone(gradient, k, scope)
    expected = torch.autograd.grad(output, (inputs, weight), masked)
    assert_equal(sparse_gradients(*leading, k=k, scope=scope), (*expected, exact_bias))


@pytest.mark.parametrize("scope", SCOPES)
def test_random_units_are_as_many(scope: Scope) -> None:
    generator = torch.Generator().manual_seed(0)
    settings = {"k": 2, "scope": scope, "selection": "random", "generator": generator}
    _, weight, _ = sparse_gradients(1, **settings)
    assert weight.abs().sum(1).count_nonzero() == 2


def test_the_output_is_the_dense_one_bit_for_bit() -> None:
    inputs, weight, bias, _ = tensors(6)
    assert torch.equal(sparse_linear(inputs, weight, bias, k=2), linear(inputs, weight, bias))


def test_differentiating_twice_is_refused() -> None:
    inputs, weight, bias, _ = tensors(6)
    output = sparse_linear(inputs, weight, bias, k=2)
    (first,) = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        first.sum().backward()


@pytest.mark.parametrize("scope", SCOPES)
def test_inside_autocast_gradients_come_back_in_the_type_of_what_they_belong_to(
    scope: Scope,
) -> None:
    inputs, weight, bias = (t.detach().float().requires_grad_() for t in tensors(6)[:3])
    with torch.autocast("cpu", torch.bfloat16):
        output = sparse_linear(inputs, weight, bias, k=2, scope=scope)
        assert output.dtype == torch.bfloat16
        output.float().square().sum().backward()
    for tensor in (inputs, weight, bias):
        assert tensor.grad is not None
        assert tensor.grad.dtype == torch.float32
