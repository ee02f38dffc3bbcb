"""A convolution's gradients by the framework: only what is asked for is computed."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode

from effmeter.methods.ops.convolution import Geometry, Wanted, gradients


class Asked(TorchDispatchMode):
    """Keeps what each backward pass of a convolution was asked for."""

    masks: list[list[bool]]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is torch.ops.aten.convolution_backward.default:
            self.masks.append(list(args[10]))
        return func(*args, **(kwargs or {}))


def listening() -> Asked:
    untyped: Any = Asked
    asked: Asked = untyped()
    asked.masks = []
    return asked


def operands() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 5, 4, 4), (2, 3, 4, 4), (5, 3, 3, 3))
    gradient, inputs, weight = (torch.randn(s, generator=generator).double() for s in shapes)
    return gradient, inputs, weight


GEOMETRY = Geometry(padding=(1, 1))


@pytest.mark.parametrize(
    "wanted", [(True, False, True), (False, False, True), (True, False, False), (True, True, True)]
)
def test_each_gradient_is_the_same_whatever_else_is_wanted(wanted: Wanted) -> None:
    everything = gradients(*operands(), GEOMETRY, (True, True, True))
    for one, found, whole in zip(
        wanted, gradients(*operands(), GEOMETRY, wanted), everything, strict=True
    ):
        assert (found is not None) == one
        assert whole is not None
        if found is not None:
            torch.testing.assert_close(found, whole)


def test_a_bias_costs_no_gradient_to_the_weights() -> None:
    """Asked for it, oneDNN computes the gradient to the weights as well."""
    asked = listening()
    with asked:
        gradients(*operands(), GEOMETRY, (True, False, True))
    assert asked.masks == [[True, False, False]]


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("stride", [(2, 2), (3, 1), (1, 2)])
def test_a_strided_pointwise_convolution_has_its_own_gradients(
    stride: tuple[int, int], order: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(3, 4, 9, 8, generator=generator, dtype=torch.float64)
    inputs = inputs.contiguous(memory_format=order).requires_grad_()
    weight = torch.randn(5, 4, 1, 1, generator=generator, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    outputs = conv2d(inputs, weight, bias, stride)
    gradient = torch.randn(outputs.shape, generator=generator, dtype=torch.float64)
    expected = torch.autograd.grad(outputs, (inputs, weight, bias), gradient)
    found = gradients(gradient, inputs, weight, Geometry(stride), (True, True, True))
    for one, whole in zip(found, expected, strict=True):
        assert one is not None
        torch.testing.assert_close(one, whole)
    assert found[0] is not None
    assert found[0].is_contiguous(memory_format=order)
