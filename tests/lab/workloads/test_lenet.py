"""LeNet: the published shapes, in every width."""

import itertools

import pytest
import torch

from effmeter.errors import UsageError
from effmeter.lab.workloads.lenet import LeNet


def weights(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def published_weights(size: int) -> int:
    """Convolutions 6@5 and 16@5 and linear layers 400-120-84-10, each unit with a bias."""
    channels = (1, 6 * size, 16 * size)
    units = (400 * size, 120 * size, 84 * size, 10)
    convolutions = sum((25 * a + 1) * b for a, b in itertools.pairwise(channels))
    return convolutions + sum((a + 1) * b for a, b in itertools.pairwise(units))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_each_width_multiplies_channels_and_hidden_units(size: int) -> None:
    assert weights(LeNet(size)) == published_weights(size)


@pytest.mark.parametrize("size", [1, 5])
def test_images_become_one_score_for_each_class(size: int) -> None:
    assert LeNet(size)(torch.zeros(3, 1, 32, 32)).shape == (3, 10)


def test_colour_images_and_other_class_counts_are_taken() -> None:
    assert LeNet(1, channels=3, classes=100)(torch.zeros(2, 3, 32, 32)).shape == (2, 100)


def test_the_paper_draws_every_weight_from_a_standard_normal() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LeNet(1, normal_weights=True)
    drawn = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    assert drawn.mean().item() == pytest.approx(0.0, abs=0.02)
    assert drawn.std().item() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("size", [0, 6, -1])
def test_a_size_outside_the_published_ones_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match=f"sizes 1 to 5, not {size}"):
        LeNet(size)
