"""How good generated images are, looked at through a network that learned their labels."""

import pytest
import torch
from torch import Tensor

from effmeter.lab.workloads import DATASETS, Recipe
from effmeter.lab.workloads.assembly import split_of
from effmeter.lab.workloads.data import Split
from effmeter.lab.workloads.denoising import symmetric
from effmeter.lab.workloads.diffusion import Diffusion
from effmeter.lab.workloads.generation import GenerationDistance, LearnedFeatures


class Copies(Diffusion):
    """Gives images it was told, with so much noise on them."""

    def __init__(self, images: Tensor, noise: float) -> None:
        super().__init__(torch.nn.Identity(), 1)
        self._images, self._noise_there = images, noise

    def sample(self, count: int, shape: tuple[int, int, int]) -> Tensor:
        chosen = torch.randint(len(self._images), (count,))
        images = self._images[chosen]
        assert images.shape[1:] == shape
        return images + self._noise_there * torch.randn_like(images)


@pytest.fixture(scope="module")
def digits() -> Split:
    return symmetric(split_of(Recipe("ddpm"), DATASETS["digits"], side=8))


@pytest.fixture(scope="module")
def distance(digits: Split) -> GenerationDistance:
    return GenerationDistance.of(digits, 300, published=False)


def test_the_distance_grows_with_what_is_wrong(digits: Split, distance: GenerationDistance) -> None:
    learned = digits.train.images
    exact, fair, poor = (distance.from_images_of(Copies(learned, n)) for n in (0.0, 0.6, 1.2))
    assert 0.0 <= exact < fair / 2 < poor / 4


def test_one_kind_of_image_alone_is_far_from_all(
    digits: Split, distance: GenerationDistance
) -> None:
    zeros = digits.test.images[digits.test.labels == 0]
    everything, nothing_else = (
        distance.from_images_of(Copies(images, 0.0)) for images in (digits.test.images, zeros)
    )
    assert nothing_else > 10 * everything


@pytest.mark.slow
def test_the_network_is_the_same_each_time_and_draws_nothing_of_the_programs(
    digits: Split,
) -> None:
    before = torch.random.get_rng_state()
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    first, second = (LearnedFeatures(digits)(images) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_without_the_network_of_published_distances_nothing_is_begun(digits: Split) -> None:
    with pytest.raises((ModuleNotFoundError, FileNotFoundError), match="Inception network"):
        GenerationDistance.of(digits, 300, published=True)
