"""A diffusion model in the reference loop: what is logged, and what it follows from."""

import torch

from effmeter.lab.workloads.data import LabelledImages, Split
from effmeter.lab.workloads.denoising import denoising_training, symmetric
from effmeter.lab.workloads.diffusion import Diffusion
from effmeter.lab.workloads.models.unet import UNet


def split() -> Split:
    drawn = torch.rand(24, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    images = torch.cat((drawn * 3.0 - 1.0, torch.full((1, 2, 4, 4), 5.0)))
    labels = torch.zeros(25, dtype=torch.int64)
    part = LabelledImages(images, labels)
    return Split(part, LabelledImages(images[:5], labels[:5]))


def trained(seed: int) -> tuple[list[dict[str, float]], list[torch.Tensor]]:
    logged: list[dict[str, float]] = []

    def log(_: int, /, **metrics: float) -> None:
        logged.append(metrics)

    training = denoising_training(
        lambda: UNet(16, (1,), channels=2), split(), seed, torch.device("cpu"), steps=10
    )
    assert isinstance(training.model, Diffusion)
    training.run(range(2), log)
    return logged, [parameter.detach() for parameter in training.model.parameters()]


def test_images_reach_from_minus_one_to_one() -> None:
    scaled = symmetric(split())
    assert scaled.train.images.amin().item() == -1.0
    assert scaled.train.images.amax().item() == 1.0
    assert torch.equal(scaled.test.images, scaled.train.images[:5])


def test_the_error_of_the_noise_is_logged() -> None:
    logged, _ = trained(0)
    assert {"loss", "train_error", "error"} <= logged[0].keys()
    assert all(0.0 < metrics["loss"] < 2.0 for metrics in logged)


def test_all_of_it_follows_from_the_seed() -> None:
    first, again, other = trained(1), trained(1), trained(2)
    assert first[0] == again[0]
    assert all(map(torch.equal, first[1], again[1]))
    assert first[0] != other[0]


def test_the_random_numbers_of_the_program_are_left_alone() -> None:
    before = torch.random.get_rng_state()
    trained(0)
    assert torch.equal(torch.random.get_rng_state(), before)
