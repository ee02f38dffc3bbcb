"""The digits: shape, scale, split and augmentation."""

import pytest
import torch

from effmeter.methods.workloads.data import LabelledImages, Split
from effmeter.methods.workloads.digits import load_digits

UNMOVED = (0,)


@pytest.fixture(scope="module")
def digits() -> Split:
    return load_digits(shifts=UNMOVED)


def classes_of(part: LabelledImages) -> torch.Tensor:
    return torch.bincount(part.labels, minlength=10) / len(part)


def test_images_have_the_size_and_types_that_lenet_reads(digits: Split) -> None:
    assert digits.train.images.shape == (1437, 1, 32, 32)
    assert digits.test.images.shape == (360, 1, 32, 32)
    for part in (digits.train, digits.test):
        assert part.images.dtype == torch.float32
        assert part.labels.dtype == torch.int64


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
    assert torch.equal(digits.test.images, load_digits(shifts=UNMOVED).test.images)
    other = load_digits(shifts=UNMOVED, split_seed=1)
    assert not torch.equal(digits.test.labels, other.test.labels)


def test_shifts_enlarge_the_training_part_alone(digits: Split) -> None:
    moved = load_digits(shifts=(0, 3))
    assert len(moved.train) == 4 * len(digits.train)
    assert torch.equal(moved.test.images, digits.test.images)


def test_a_shifted_image_is_the_image_moved_down_and_right(digits: Split) -> None:
    moved = load_digits(shifts=(0, 3))
    originals = digits.train.images
    by_three = moved.train.images[-len(originals) :]
    assert torch.equal(moved.train.images[: len(originals)], originals)
    assert torch.equal(by_three[:, :, 3:, 3:], originals[:, :, :-3, :-3])
    assert torch.equal(moved.train.labels[-len(originals) :], digits.train.labels)
