"""The weight gradient from the largest elements, beside the dense one of a sparse dY."""

from typing import cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from effmeter.errors import UsageError
from effmeter.methods.gradients.approximate_convolution import (
    MaxWeights,
    RandomWeights,
    WeightGradient,
    ZeroWeights,
    approximate_conv2d,
)
from effmeter.methods.gradients.max_gradient import max_gradient_weight, with_largest_alone
from effmeter.methods.ops.convolution import Geometry
from tests.methods.gradients.backward import (
    LAYERS,
    assert_equal,
    dense_gradients,
    gradients_of,
    output_gradient,
)

LAYER = LAYERS["strided"]

# The framework says that it pads a copy of the inputs where one side gets more than the other.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")


def noise() -> RandomWeights:
    return RandomWeights("batch")


def by_hand(gradient: Tensor) -> Tensor:
    """Each map's sum at its largest element, map by map."""
    sparse = torch.zeros_like(gradient)
    for row in range(gradient.shape[0]):
        for channel in range(gradient.shape[1]):
            one = gradient[row, channel]
            place = divmod(int(one.abs().argmax()), one.shape[1])
            sparse[row, channel][place] = one.sum()
    return sparse


def test_each_map_keeps_its_largest_element_with_the_sum_of_the_map() -> None:
    gradient = output_gradient(LAYER)
    torch.testing.assert_close(with_largest_alone(gradient), by_hand(gradient))


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("name", LAYERS)
def test_gathered_patches_give_the_dense_gradient_of_the_sparse_form(name: str, k: int) -> None:
    layer = LAYERS[name]
    gradient = output_gradient(layer)
    k = min(k, gradient[0, 0].numel())
    expected = dense_gradients(layer, with_largest_alone(gradient, k))[1]
    weights = MaxWeights(k)
    found = gradients_of(approximate_conv2d, layer, gradient, weight_gradient=weights)
    assert_equal(found[1:2], (expected,))


def test_with_all_elements_the_gradient_is_exact() -> None:
    gradient = output_gradient(LAYER)
    every = gradient[0, 0].numel()
    found = gradients_of(approximate_conv2d, LAYER, gradient, weight_gradient=MaxWeights(every))
    assert_equal(found, dense_gradients(LAYER, gradient))


def test_a_map_with_fewer_elements_gives_all_of_them() -> None:
    gradient = output_gradient(LAYER)
    found = gradients_of(approximate_conv2d, LAYER, gradient, weight_gradient=MaxWeights(1000))
    assert_equal(found, dense_gradients(LAYER, gradient))


@pytest.mark.parametrize("k", [0, 1000])
def test_more_elements_than_a_map_has_are_refused_in_the_function(k: int) -> None:
    inputs, weight, _ = LAYER.tensors()
    kernel = cast("tuple[int, int]", tuple(weight.shape[2:]))
    with pytest.raises(UsageError, match=f"elements of a map, not {k}"):
        max_gradient_weight(inputs, output_gradient(LAYER), kernel, (2, 2), (1, 1), k=k)


@pytest.mark.parametrize("weights", [ZeroWeights(), noise(), MaxWeights()], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_the_gradients_to_input_and_bias_stay_exact(name: str, weights: WeightGradient) -> None:
    layer = LAYERS[name]
    gradient = output_gradient(layer)
    found = gradients_of(approximate_conv2d, layer, gradient, weight_gradient=weights)
    exact = dense_gradients(layer, gradient)
    assert_equal((found[0], found[2]), (exact[0], exact[2]))


def test_the_output_is_the_dense_one_bit_for_bit() -> None:
    tensors = LAYER.tensors()
    output = approximate_conv2d(*tensors, **LAYER.geometry, weight_gradient=MaxWeights())
    assert torch.equal(output, conv2d(*tensors, **LAYER.geometry))


def test_zero_gradients_are_there_and_zero() -> None:
    gradient = output_gradient(LAYER)
    found = gradients_of(approximate_conv2d, LAYER, gradient, weight_gradient=ZeroWeights())
    assert torch.equal(found[1], torch.zeros_like(found[1]))


def test_noise_has_the_deviation_of_one_over_the_batch_and_is_new_in_every_step() -> None:
    weight = torch.zeros(64, 64, 3, 3)
    inputs, gradient = torch.zeros(16, 64, 5, 5), torch.zeros(16, 64, 3, 3)
    draw = noise()
    first = draw(inputs, gradient, weight, Geometry())
    again = draw(inputs, gradient, weight, Geometry())
    draw.step = 1
    second = draw(inputs, gradient, weight, Geometry())
    assert torch.equal(again, first)
    assert first.std().item() == pytest.approx(1 / 16, rel=0.02)
    assert not torch.equal(first, second)
    fixed = RandomWeights(0.5)
    drawn = fixed(inputs, gradient, weight, Geometry())
    assert drawn.std().item() == pytest.approx(0.5, rel=0.02)


def test_a_sum_over_the_batch_is_scaled_to_a_mean() -> None:
    gradient = output_gradient(LAYER)
    plain, scaled = (
        gradients_of(approximate_conv2d, LAYER, gradient, weight_gradient=MaxWeights(scale=scale))
        for scale in (1.0, "batch")
    )
    assert_equal((scaled[1] * LAYER.rows,), (plain[1],))


def test_what_needs_no_inputs_keeps_none() -> None:
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    inputs, weight, _ = LAYER.tensors()
    for weights in (ZeroWeights(), MaxWeights()):
        with torch.autograd.graph.saved_tensors_hooks(keep, keep):
            approximate_conv2d(inputs, weight, **LAYER.geometry, weight_gradient=weights)
    shapes = [tensor.shape for tensor in kept]
    assert shapes == [weight.shape, inputs.shape, weight.shape]


def test_differentiating_twice_is_refused() -> None:
    inputs, weight, _ = LAYER.tensors()
    output = approximate_conv2d(inputs, weight, **LAYER.geometry, weight_gradient=MaxWeights())
    (first,) = torch.autograd.grad(output.square().sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        first.sum().backward()


@pytest.mark.parametrize("weights", [ZeroWeights(), noise(), MaxWeights()], ids=str)
def test_inside_autocast_gradients_come_back_in_the_type_of_what_they_belong_to(
    weights: WeightGradient,
) -> None:
    inputs, weight, bias = (t.detach().float().requires_grad_() for t in LAYER.tensors())
    with torch.autocast("cpu", torch.bfloat16):
        output = approximate_conv2d(inputs, weight, bias, **LAYER.geometry, weight_gradient=weights)
        assert output.dtype == torch.bfloat16
        output.float().square().sum().backward()
    for tensor in (inputs, weight, bias):
        assert tensor.grad is not None
        assert tensor.grad.dtype == torch.float32


def test_padding_a_convolution_before_it_is_the_same_as_padding_in_it() -> None:
    gradient = output_gradient(LAYER)
    inputs, weight, _ = LAYER.tensors()
    kernel = tuple(weight.shape[2:])
    inside = max_gradient_weight(inputs, gradient, kernel, (2, 2), (1, 1))
    before = max_gradient_weight(pad(inputs, (1, 1, 1, 1)), gradient, kernel, (2, 2))
    assert_equal((inside,), (before,))
