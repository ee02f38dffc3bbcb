"""Convolutions with a sparse backward pass, beside a masked dense one in float64."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import conv2d

from effmeter.errors import UsageError
from effmeter.methods.gradients.sparse_convolution import Dimension, kept_count, sparse_conv2d
from effmeter.methods.ops.convolution import Backend
from tests.methods.gradients.backward import (
    LAYERS,
    Layer,
    assert_equal,
    dense_gradients,
    gradients_of,
    output_gradient,
)

BACKENDS: tuple[Backend, ...] = ("torch", "img2col")
LAYER = LAYERS["strided"]

# The framework says that it pads a copy of the inputs where one side gets more than the other.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def most_important(gradient: Tensor, dimension: Dimension, keep: float) -> Tensor:
    """The gradient with zeros for all that is not kept, written as the paper says it."""
    means: dict[Dimension, tuple[int, ...]] = {
        "channel": (0, 2, 3),
        "height-and-width": (0, 1),
        "all": (0,),
    }
    importance = gradient.abs().mean(means[dimension], keepdim=True)
    least = importance.flatten().sort(descending=True).values
    return gradient * (importance >= least[max(int(keep * len(least)), 1) - 1])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_the_important_channels_alone(name: str, backend: Backend) -> None:
    layer = LAYERS[name]
    gradient = output_gradient(layer)
    expected = dense_gradients(layer, most_important(gradient, "channel", 0.4))
    found = gradients_of(sparse_conv2d, layer, gradient, keep=0.4, backend=backend)
    assert_equal(found, expected)
    kept = found[1].flatten(1).abs().sum(1).count_nonzero()
    assert kept == max(int(0.4 * layer.channels[1]), 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dimension", ["height-and-width", "all"])
@pytest.mark.parametrize("name", ["plain", "strided", "same, uneven"])
def test_other_dimensions_drop_positions_or_elements(
    name: str, dimension: Dimension, backend: Backend
) -> None:
    layer = LAYERS[name]
    gradient = output_gradient(layer)
    expected = dense_gradients(layer, most_important(gradient, dimension, 0.3))
    settings = {"keep": 0.3, "dimension": dimension, "backend": backend}
    assert_equal(gradients_of(sparse_conv2d, layer, gradient, **settings), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_the_output_is_the_dense_one_bit_for_bit(name: str) -> None:
    layer = LAYERS[name]
    tensors = layer.tensors()
    output = sparse_conv2d(*tensors, **layer.geometry, keep=0.2)
    assert torch.equal(output, conv2d(*tensors, **layer.geometry))


def test_random_channels_are_as_many_and_come_from_the_generator() -> None:
    gradient = output_gradient(LAYER)

    def drawn(seed: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(seed)
        settings = {"keep": 0.3, "selection": "random", "generator": generator}
        return gradients_of(sparse_conv2d, LAYER, gradient, **settings)

    dense = dense_gradients(LAYER, gradient)
    sparse = drawn(1)
    kept = sparse[1].flatten(1).abs().sum(1) > 0
    assert kept.sum() == 3
    torch.testing.assert_close(sparse[1][kept], dense[1][kept])
    assert_equal(drawn(1), sparse)
    assert any(not torch.equal(drawn(seed)[1], sparse[1]) for seed in range(2, 6))


def test_the_programs_own_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    gradient = output_gradient(LAYER)
    generator = torch.Generator().manual_seed(0)
    gradients_of(sparse_conv2d, LAYER, gradient, keep=0.3, selection="random", generator=generator)
    assert torch.equal(torch.get_rng_state(), before)


def test_only_the_gradients_that_are_asked_for_are_computed() -> None:
    inputs, weight, bias = LAYER.tensors()
    frozen = weight.detach()
    sparse_conv2d(inputs, frozen, bias, **LAYER.geometry, keep=0.2).sum().backward()
    assert inputs.grad is not None
    assert frozen.grad is None


def test_a_layer_without_bias_has_none() -> None:
    inputs, weight, _ = LAYER.tensors()
    gradient = output_gradient(LAYER)
    output = sparse_conv2d(inputs, weight, **LAYER.geometry, keep=0.4)
    found = torch.autograd.grad(output, (inputs, weight), gradient)
    masked = most_important(gradient, "channel", 0.4)
    assert_equal(found, dense_gradients(LAYER, masked)[:2])


def test_differentiating_twice_is_refused() -> None:
    inputs, weight, _ = LAYER.tensors()
    output = sparse_conv2d(inputs, weight, **LAYER.geometry, keep=0.4)
    (first,) = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        first.sum().backward()


def test_same_padding_with_a_stride_is_refused() -> None:
    layer = Layer(padding="same", stride=2)
    with pytest.raises(UsageError, match="only 'same' with stride 1"):
        sparse_conv2d(*layer.tensors(), **layer.geometry, keep=0.5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("backend", BACKENDS)
def test_inside_autocast_gradients_come_back_in_the_type_of_what_they_belong_to(
    dtype: torch.dtype, backend: Backend
) -> None:
    inputs, weight, bias = (t.detach().float().requires_grad_() for t in LAYER.tensors())
    with torch.autocast("cpu", dtype):
        output = sparse_conv2d(inputs, weight, bias, **LAYER.geometry, keep=0.4, backend=backend)
        assert output.dtype == dtype
        output.float().square().sum().backward()
    for tensor in (inputs, weight, bias):
        assert tensor.grad is not None
        assert tensor.grad.dtype == torch.float32


@given(st.integers(1, 4096), st.integers(0, 1000))
def test_a_fraction_of_the_channels_is_whole_channels_and_at_least_one(
    total: int, thousandths: int
) -> None:
    assert kept_count(total, 1 - (1000 - thousandths) / 1000) == max(total * thousandths // 1000, 1)
