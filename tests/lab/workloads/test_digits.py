"""The digits: shape, scale, split and augmentation."""

import pytest
import torch

from effmeter.lab.workloads import DATASETS, Recipe
from effmeter.lab.workloads.assembly import split_of
from effmeter.lab.workloads.data import LabelledImages, Split


def load_digits(shifts: int = 0, split_seed: int = 0) -> Split:
    return split_of(Recipe("lenet", split_seed=split_seed), DATASETS["digits"], shifts)


@pytest.fixture(scope="module")
def digits() -> Split:
    return load_digits()


def classes_of(part: LabelledImages) -> torch.Tensor:
    return torch.bincount(part.labels, minlength=10) / len(part)


def test_images_have_the_size_and_types_that_lenet_reads(digits: Split) -> None:
    assert digits.train.images.shape == (1437, 1, 32, 32)
    assert digits.test.images.shape == (360, 1, 32, 32)
    for part in (digits.train, digits.test):
        assert part.images.dtype == torch.float32
        assert part.labels.dtype == torch.int64


def test_the_catalogue_counts_the_images_that_there_are(digits: Split) -> None:
    entry = DATASETS["digits"]
    assert (entry.training_images, entry.test_images) == (len(digits.train), len(digits.test))


def test_the_training_part_is_standardised(digits: Split) -> None:
    assert digits.train.images.mean().item() == pytest.approx(0.0, abs=1e-4)
    assert digits.train.images.std().item() == pytest.approx(1.0, abs=1e-4)


def test_both_parts_hold_each_class_in_the_same_share(digits: Split) -> None:
    assert torch.allclose(classes_of(digits.train), classes_of(digits.test), atol=0.005)


def test_no_test_image_was_trained_on(digits: Split) -> None:
    trained = digits.train.images.flatten(1)
    nearest = torch.cdist(digits.test.images.flatten(1), trained).min(dim=1).values
    assert nearest.min() > 0.1


def test_the_split_follows_from_its_seed(digits: Split) -> None:
    assert torch.equal(digits.test.images, load_digits().test.images)
    assert not torch.equal(digits.test.labels, load_digits(split_seed=1).test.labels)


def test_shifts_enlarge_the_training_part_alone(digits: Split) -> None:
    moved = load_digits(shifts=3)
    assert len(moved.train) == 9 * len(digits.train)
    assert torch.equal(moved.test.images, digits.test.images)


def test_shifted_images_are_the_images_moved_in_every_direction(digits: Split) -> None:
    originals, moved = digits.train, load_digits(shifts=3).train
    up_left, unmoved, down_right = (moved.images.chunk(9)[place] for place in (0, 4, 8))
    assert torch.equal(unmoved, originals.images)
    assert torch.equal(up_left[:, :, :-3, :-3], originals.images[:, :, 3:, 3:])
    assert torch.equal(down_right[:, :, 3:, 3:], originals.images[:, :, :-3, :-3])
    assert torch.equal(moved.labels, originals.labels.repeat(9))
