"""The distance between sets of images, from features that need no download."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from effmeter.errors import UsageError
from effmeter.lab.workloads.fid import frechet_distance


class CornerPixels(nn.Module):
    """Two numbers of an image: its first and last pixel of the first channel."""

    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[1] == 3
        return torch.stack((images[:, 0, 0, 0], images[:, 0, -1, -1]), dim=1)


def images(seed: int, shift: float = 0.0, channels: int = 1) -> Tensor:
    drawn = torch.rand(200, channels, 4, 4, generator=torch.Generator().manual_seed(seed))
    return drawn - 0.5 + shift


def test_images_are_at_no_distance_from_themselves() -> None:
    assert frechet_distance(images(0), images(0), CornerPixels()) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_shift_is_the_square_of_what_the_features_moved(channels: int) -> None:
    real, moved = images(0, channels=channels), images(0, 0.2, channels)
    # From -1..1 to 0..1 a shift of 0.2 is 0.1, in each of the two features.
    distance = frechet_distance(real, moved, CornerPixels())
    assert distance == pytest.approx(2 * 0.1**2, rel=1e-3)


def test_batches_make_no_difference() -> None:
    pair = images(0), images(1, 0.1)
    whole = frechet_distance(*pair, CornerPixels(), batch_size=200)
    assert frechet_distance(*pair, CornerPixels(), batch_size=7) == pytest.approx(whole, rel=1e-4)


def test_measuring_draws_no_random_numbers_of_the_program() -> None:
    before = torch.random.get_rng_state()
    frechet_distance(images(0), images(1), CornerPixels())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_one_image_is_too_few() -> None:
    with pytest.raises(UsageError, match="two real and two generated images"):
        frechet_distance(images(0)[:1], images(1), CornerPixels())


def test_without_the_inception_network_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises((ModuleNotFoundError, FileNotFoundError), match="Inception network"):
        frechet_distance(images(0), images(1), weights=tmp_path / "none.pth")
