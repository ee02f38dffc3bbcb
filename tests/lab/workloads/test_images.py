"""What becomes of stored images before a model reads them."""

from typing import Literal

import numpy as np
import pytest
import torch

from effmeter.lab.workloads.datasets.arrays import LabelledArrays
from effmeter.lab.workloads.images import enlarged, scale_of, shifted, standardised


def arrays(size: int, channels: int = 1, count: int = 2) -> LabelledArrays:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, channels, size, size), dtype=np.uint8)
    return LabelledArrays(images, np.arange(count))


def test_a_small_image_gets_an_even_margin_of_background() -> None:
    stored = arrays(28)
    images = enlarged(stored, "pad").images
    assert images.shape == (2, 1, 32, 32)
    inside = images[:, :, 2:30, 2:30]
    assert torch.allclose(inside, torch.from_numpy(stored.images) / 255)
    assert images.sum() == pytest.approx(inside.sum().item())


def test_an_image_of_the_right_size_is_only_scaled() -> None:
    stored = arrays(32, channels=3)
    images = enlarged(stored, "pad").images
    assert torch.allclose(images, torch.from_numpy(stored.images) / 255)


def test_an_image_can_be_filtered_to_its_size() -> None:
    images = enlarged(arrays(8), "interpolate").images
    assert images.shape == (2, 1, 32, 32)
    assert 0.0 <= images.min() <= images.max() <= 1.0


@pytest.mark.parametrize("how", ["pad", "interpolate"])
def test_images_of_one_channel_are_in_the_frameworks_usual_layout(
    how: Literal["pad", "interpolate"],
) -> None:
    """Strides that stand for channels-last as well would decide the layout of every layer."""
    assert enlarged(arrays(8), how).images.stride() == (1024, 1024, 32, 1)


@pytest.mark.parametrize("side", [8, 16])
def test_an_image_can_be_left_smaller(side: int) -> None:
    images = enlarged(arrays(8), "interpolate", side)
    assert images.images.shape == (2, 1, side, side)
    moved = shifted(images, 1)
    assert moved.images.shape == (18, 1, side, side)
    assert torch.equal(moved.images[8:10], images.images)


def test_each_channel_is_standardised_by_itself() -> None:
    images = enlarged(arrays(32, channels=3, count=4), "pad")
    images.images[:, 1] *= 0.1
    scaled = standardised(images, *scale_of(images)).images
    for channel in range(3):
        assert scaled[:, channel].mean().item() == pytest.approx(0.0, abs=1e-4)
        assert scaled[:, channel].std().item() == pytest.approx(1.0, abs=1e-4)


def test_no_shift_leaves_the_images_alone() -> None:
    images = enlarged(arrays(32), "pad")
    assert shifted(images, 0) is images
