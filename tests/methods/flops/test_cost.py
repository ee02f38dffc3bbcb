import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from effmeter.methods.flops.cost import call_cost, kind_of


@given(
    rows=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    size=st.integers(5, 8),
)
def test_a_convolution_costs_what_the_framework_counts(
    rows: int, channels: tuple[int, int], kernel: int, stride: int, padding: int, size: int
) -> None:
    layer = nn.Conv2d(*channels, kernel, stride, padding, bias=False, device="meta")
    images = torch.empty(rows, channels[0], size, size, device="meta", requires_grad=True)
    with FlopCounterMode(display=False) as forward:
        output = layer(images)
    with FlopCounterMode(display=False) as backward:
        output.backward(torch.empty_like(output))
    cost = call_cost(layer, output).dense
    assert cost.forward == forward.get_total_flops()
    assert cost.backward == backward.get_total_flops()


@given(rows=st.integers(1, 4), inputs=st.integers(1, 5), outputs=st.integers(1, 5))
def test_a_linear_layer_costs_what_the_framework_counts(
    rows: int, inputs: int, outputs: int
) -> None:
    layer = nn.Linear(inputs, outputs, bias=False, device="meta")
    with FlopCounterMode(display=False) as counted:
        output = layer(torch.empty(rows, inputs, device="meta", requires_grad=True))
        output.backward(torch.empty_like(output))
    assert call_cost(layer, output).dense.total == counted.get_total_flops()


def test_a_bias_adds_an_operation_for_each_element_of_the_output_and_its_gradient() -> None:
    plain, biased = (nn.Conv2d(2, 3, 3, bias=bias) for bias in (False, True))
    output = plain(torch.zeros(4, 2, 6, 6))
    without, with_bias = (call_cost(layer, output).dense for layer in (plain, biased))
    assert with_bias.forward - without.forward == output.numel()
    assert with_bias.backward_weight - without.backward_weight == output.numel()
    assert with_bias.backward_input == without.backward_input


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(3), nn.GroupNorm(1, 3)])
def test_a_norm_costs_twelve_for_each_element_and_ten_for_each_channel(norm: nn.Module) -> None:
    output = norm(torch.zeros(4, 3, 5, 5))
    assert call_cost(norm, output).dense.backward == 12 * output.numel() + 10 * 3


def test_dropout_costs_two_for_each_element() -> None:
    dropout = nn.Dropout(0.5)
    assert call_cost(dropout, torch.zeros(4, 7)).dense.backward == 2 * 4 * 7


def test_layers_of_other_kinds_are_not_counted() -> None:
    for layer in (nn.ReLU(), nn.MaxPool2d(2), nn.Sequential()):
        assert kind_of(layer) is None
        assert call_cost(layer, torch.zeros(2, 2)).dense.total == 0
