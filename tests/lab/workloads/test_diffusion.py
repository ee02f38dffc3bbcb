"""Diffusion: what its schedules keep, what it learns from, and what it draws."""

import math

import pytest
import torch
from torch import Tensor, nn

from effmeter.errors import UsageError
from effmeter.lab.workloads.diffusion import Diffusion, Schedule, cosine_betas, linear_betas
from effmeter.lab.workloads.models.unet import UNet


class KnowsTheImage(nn.Module):
    """The noise in images that were all grey, of one value, before it was added."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value
        self.diffusion: list[Diffusion] = []

    def forward(self, noised: Tensor, steps: Tensor) -> Tensor:
        (diffusion,) = self.diffusion
        signal = diffusion.noised(torch.ones_like(noised), steps, torch.zeros_like(noised))
        noise = diffusion.noised(torch.zeros_like(noised), steps, torch.ones_like(noised))
        return (noised - signal * self.value) / noise


def knowing(value: float, steps: int, schedule: Schedule = "cosine") -> Diffusion:
    network = KnowsTheImage(value)
    diffusion = Diffusion(network, steps, schedule)
    network.diffusion.append(diffusion)
    return diffusion


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_noise_grows_until_nothing_of_the_image_is_left(schedule: Schedule) -> None:
    diffusion = Diffusion(nn.Identity(), 200, schedule)
    images, steps = torch.ones(200, 1, 1, 1), torch.arange(200)
    signal = diffusion.noised(images, steps, torch.zeros_like(images)).flatten()
    noise = diffusion.noised(torch.zeros_like(images), steps, images).flatten()
    assert (signal.diff() < 0).all()
    torch.testing.assert_close(signal**2 + noise**2, torch.ones(200))
    assert signal[0] > 0.99
    assert signal[-1] < 0.01


def test_linear_schedule_of_a_thousand_steps_is_the_published_one() -> None:
    betas = linear_betas(1000)
    assert (betas[0].item(), betas[-1].item()) == (1e-4, 0.02)
    assert betas.diff().std().item() == pytest.approx(0.0, abs=1e-12)


def test_cosine_schedule_keeps_the_square_of_a_cosine() -> None:
    kept = torch.cumprod(1.0 - cosine_betas(100), dim=0)
    start = math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    expected = math.cos((0.5 + 0.008) / 1.008 * math.pi / 2) ** 2 / start
    assert kept[49].item() == pytest.approx(expected)
    assert cosine_betas(100)[-1].item() == 0.999


def test_a_network_that_knows_the_noise_has_no_error() -> None:
    errors = knowing(0.3, 50)(torch.full((6, 1, 4, 4), 0.3))
    assert errors.shape == (6,)
    assert errors.max().item() < 1e-6


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_network_that_knows_the_noise_draws_the_image(schedule: Schedule) -> None:
    drawn = knowing(-0.4, 30, schedule).sample(3, (1, 2, 2))
    torch.testing.assert_close(drawn, torch.full((3, 1, 2, 2), -0.4), atol=1e-4, rtol=0)


def test_a_network_that_sees_no_noise_has_the_noise_as_its_error() -> None:
    torch.manual_seed(0)
    errors = Diffusion(UNet(16, (1,)), 20)(torch.zeros(64, 1, 8, 8))
    assert errors.mean().item() == pytest.approx(1.0, abs=0.1)


def test_drawing_puts_the_mode_back_and_follows_the_seed() -> None:
    diffusion = Diffusion(UNet(16, (1,), dropout=0.5), 3).train()
    torch.manual_seed(1)
    first = diffusion.sample(2, (1, 4, 4))
    torch.manual_seed(1)
    again = diffusion.sample(2, (1, 4, 4))
    assert torch.equal(first, again)
    assert diffusion.training
    assert not first.requires_grad


def test_the_schedule_is_no_part_of_what_is_saved() -> None:
    network = UNet(16, (1,))
    saved = Diffusion(network, 3).state_dict()
    assert saved.keys() == {f"network.{name}" for name in network.state_dict()}


def test_training_lowers_the_error() -> None:
    torch.manual_seed(0)
    diffusion = Diffusion(UNet(16, (1,)), 20)
    optimizer = torch.optim.AdamW(diffusion.parameters(), lr=1e-2)
    images = torch.ones(32, 1, 4, 4)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = diffusion(images).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_a_diffusion_without_steps_is_refused() -> None:
    with pytest.raises(UsageError, match="one step or more, not 0"):
        Diffusion(nn.Identity(), 0)
