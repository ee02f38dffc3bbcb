"""M is exact: it is what autograd gives for new units, in float64."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from effmeter.methods.method import Batch
from effmeter.methods.structure.growing.bypass import (
    as_incoming,
    as_outgoing,
    bypass_gradient,
    outgoing_columns,
    reading_gradient,
    written,
)
from effmeter.methods.structure.growing.trial import look
from effmeter.methods.structure.widths.graph import HiddenWidth, width_graph
from effmeter.methods.structure.widths.resizing import append_channels

PAIRS = {
    "plain": (nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)),
    "first strided": (nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 5, 3, padding=1)),
    "second strided": (nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, 3, stride=2)),
    "both": (nn.Conv2d(3, 4, (3, 2), stride=(2, 3)), nn.Conv2d(4, 5, (1, 3), stride=(3, 1))),
    "dilated": (nn.Conv2d(3, 4, 3, dilation=2, padding=3), nn.Conv2d(4, 5, 2, dilation=(1, 3))),
    "padded by name": (nn.Conv2d(3, 4, 5, padding="same"), nn.Conv2d(4, 5, 3, padding="same")),
    "padded around": (
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(4, 5, 3, padding=1, padding_mode="reflect"),
    ),
    "pooled": (
        nn.Conv2d(3, 4, 3),
        nn.MaxPool2d(3, 2, padding=1, ceil_mode=True),
        nn.Conv2d(4, 5, 2),
    ),
    "averaged": (nn.Conv2d(3, 4, 3, stride=2), nn.AvgPool2d(2), nn.Conv2d(4, 5, 2)),
    "flattened": (nn.Conv2d(3, 4, 3, stride=2), nn.Flatten(), nn.Linear(4 * 25, 5)),
    "averaged away": (nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)),
    "without bias": (nn.Conv2d(3, 4, 1, bias=False), nn.Conv2d(4, 5, 5, bias=False)),
}


def classifier(pair: tuple[nn.Module, ...]) -> tuple[nn.Module, Batch]:
    torch.manual_seed(0)
    first, *between, second = copy.deepcopy(pair)
    end: list[nn.Module] = [nn.AdaptiveAvgPool2d(1)] if isinstance(second, nn.Conv2d) else []
    model = nn.Sequential(first, nn.Tanh(), *between, second, nn.Tanh(), *end, nn.Flatten())
    for layer in (first, second):
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        layer.reset_parameters()
    images = torch.randn(6, 3, 11, 11, dtype=torch.float64)
    return model.double(), Batch(images, torch.randint(0, 5, (6,)))


def gradients_of_new_units(
    model: nn.Module, width: HiddenWidth, batch: Batch, columns: Tensor
) -> Tensor:
    """What autograd gives to the incoming weights (0) of units with such outgoing ones."""
    count = columns.shape[1]
    zeros = columns.new_zeros((count, *width.writer.weight.shape[1:]))
    optimizer = SGD(model.parameters(), lr=0.1)
    append_channels(width, zeros, as_outgoing(width, columns), optimizer)
    cross_entropy(model(batch.inputs), batch.targets).backward()
    gradient = width.writer.weight.grad
    assert gradient is not None
    return gradient[-count:].flatten(1)


@pytest.mark.parametrize("name", PAIRS)
def test_the_gradient_to_new_incoming_weights_is_exact(name: str) -> None:
    model, batch = classifier(PAIRS[name])
    width = width_graph(model).free["0"]
    (seen,) = look(model, [width], cross_entropy, batch)
    gradient = bypass_gradient(width, *seen)
    columns = torch.randn(len(gradient), 3, dtype=torch.float64)
    expected = gradients_of_new_units(model, width, batch, columns)
    torch.testing.assert_close((gradient.T @ columns).T, expected, rtol=1e-12, atol=1e-16)


def test_tokens_are_rows_like_any_other() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5)).double()
    batch = Batch(torch.randn(2, 7, 3, dtype=torch.float64), torch.randint(0, 7, (2, 5)))
    width = width_graph(model).free["0"]
    (seen,) = look(model, [width], cross_entropy, batch)
    gradient = bypass_gradient(width, *seen)
    columns = torch.randn(len(gradient), 2, dtype=torch.float64)
    expected = gradients_of_new_units(model, width, batch, columns)
    torch.testing.assert_close((gradient.T @ columns).T, expected)


@pytest.mark.parametrize("name", ["both", "pooled", "flattened"])
def test_layouts_go_there_and_back(name: str) -> None:
    model, _ = classifier(PAIRS[name])
    width = width_graph(model).free["0"]
    torch.testing.assert_close(as_outgoing(width, outgoing_columns(width)), width.reader.weight)
    rows = width.writer.weight.flatten(1)
    torch.testing.assert_close(as_incoming(width, rows), width.writer.weight)


@pytest.mark.parametrize("name", ["plain", "both", "padded around", "flattened"])
def test_what_a_layer_writes_and_how_it_is_read_are_those_of_the_network(name: str) -> None:
    model, batch = classifier(PAIRS[name])
    width = width_graph(model).free["0"]
    if width.writer.bias is not None:
        nn.init.zeros_(width.writer.bias)
    (seen,) = look(model, [width], cross_entropy, batch)
    channels = written(width, seen.inputs, width.writer.weight.flatten(1))
    torch.testing.assert_close(channels, width.writer(batch.inputs))
    for step in width.path:
        channels = step.apply(channels)
    cross_entropy(model(batch.inputs), batch.targets).backward()
    found = as_outgoing(width, reading_gradient(width, channels, seen.output_gradient))
    torch.testing.assert_close(found, width.reader.weight.grad)


def test_a_large_batch_is_unfolded_in_parts() -> None:
    model, batch = classifier(PAIRS["plain"])
    width = width_graph(model).free["0"]
    (seen,) = look(model, [width], cross_entropy, batch)
    whole = bypass_gradient(width, *seen)
    torch.testing.assert_close(bypass_gradient(width, *seen, most_unfolded=1), whole)


def test_a_look_leaves_no_trace() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Conv2d(4, 5, 9),
        nn.ReLU(inplace=True),
        nn.Flatten(),
    ).double()
    batch = Batch(torch.randn(6, 3, 11, 11, dtype=torch.float64), torch.randint(0, 5, (6,)))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    (seen,) = look(model, list(width_graph(model).free.values()), cross_entropy, batch)
    assert bool(seen.output_gradient.count_nonzero())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), random)


def test_an_activation_in_place_does_not_move_the_gradient() -> None:
    def gradient(*, inplace: bool) -> Tensor:
        torch.manual_seed(1)
        layers = nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 5, 9), nn.ReLU(inplace), nn.Flatten()
        model = nn.Sequential(*layers).double()
        batch = Batch(torch.randn(6, 3, 11, 11, dtype=torch.float64), torch.randint(0, 5, (6,)))
        (seen,) = look(model, list(width_graph(model).free.values()), cross_entropy, batch)
        return seen.output_gradient

    assert torch.equal(gradient(inplace=True), gradient(inplace=False))
