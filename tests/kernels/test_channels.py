"""Choosing channels and gathering them, on the processor, against the reference."""

import numpy as np
import pytest

from effmeter.kernels import reference
from effmeter.kernels.cpu.channels import gathered, importance
from effmeter.kernels.cpu.layouts import lay_out
from effmeter.kernels.reference import Array
from tests.kernels.layouts import LAYOUTS, Layout, drawn

SHAPES = [(1, 1, 1, 1), (3, 17, 5, 3), (2, 123, 3, 5)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_importance_is_the_sum_of_magnitudes(layout: Layout, shape: tuple[int, ...]) -> None:
    gradient = drawn(1, *shape)
    found = importance(layout(gradient))
    np.testing.assert_allclose(found, reference.importance(gradient), rtol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_channel_with_nan_or_infinity_keeps_it(layout: Layout) -> None:
    gradient = drawn(2, 3, 5, 4, 4)
    gradient[1, 1, 0, 2], gradient[2, 3, 3, 3] = np.nan, -np.inf
    found = importance(layout(gradient))
    assert np.isnan(found).tolist() == [False, True, False, False, False]
    assert found[3] == np.inf


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_the_chosen_channels_are_gathered_in_the_order_of_the_choice(
    layout: Layout, dtype: type
) -> None:
    gradient: Array = drawn(3, 3, 17, 5, 3).view(dtype)
    chosen = np.array([16, 0, 5])
    kept = gathered(layout(gradient), chosen)
    np.testing.assert_array_equal(kept, gradient[:, chosen])
    assert kept.transpose(0, 2, 3, 1).flags.c_contiguous


def test_an_empty_batch_has_no_importance_and_empty_channels() -> None:
    gradient = np.zeros((0, 4, 3, 3), np.float32)
    assert not importance(gradient).any()
    assert gathered(gradient, np.array([1, 2])).shape == (0, 2, 3, 3)


def test_of_equally_important_channels_the_first_are_chosen_and_nan_before_all() -> None:
    assert reference.most_important(np.array([2.0, 1.0, 2.0, 2.0]), 2).tolist() == [0, 2]
    assert reference.most_important(np.array([2.0, 1.0, np.nan, 2.0]), 2).tolist() == [0, 2]


def test_selecting_gathers_the_gradient_and_the_weight_of_the_most_important() -> None:
    gradient, weight = drawn(4, 2, 3, 4, 4), drawn(5, 3, 6, 1, 1)
    gradient[:, 1] *= 100
    chosen, kept, kernels = reference.selected(gradient, weight, 1)
    assert chosen.tolist() == [1]
    np.testing.assert_array_equal(kept, gradient[:, 1:2])
    np.testing.assert_array_equal(kernels, weight[1:2])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [*SHAPES, (0, 4, 3, 3), (2, 8, 3, 1)])
def test_images_are_the_same_with_their_channels_last(
    layout: Layout, shape: tuple[int, ...]
) -> None:
    images = drawn(6, *shape)
    laid_out = np.full_like(images.transpose(0, 2, 3, 1), np.nan, order="C")
    lay_out(layout(images), laid_out)
    np.testing.assert_array_equal(laid_out.transpose(0, 3, 1, 2), images)
