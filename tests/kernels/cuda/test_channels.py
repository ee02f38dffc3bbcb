"""Importance and gathering of channels on the GPU, against the reference."""

import numpy as np
import pytest

from effmeter.kernels import reference
from effmeter.kernels.cuda.channels import gathered, magnitude_sums
from tests.kernels.cuda.arrays import (
    DTYPES,
    LAYOUTS,
    Layout,
    drawn,
    numbers_of,
    poisoned,
    stored_as,
)
from tests.kernels.cuda.devices import Device


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_magnitudes_add_up_to_the_importance_of_the_reference(
    device: Device, layout: Layout, dtype: str
) -> None:
    gradient = layout(stored_as(dtype, drawn(1, 2, 5, 7, 3)))
    sums = device.give(poisoned("float32", 2, 5))
    magnitude_sums(device.give(gradient), sums)
    expected = reference.importance(numbers_of(gradient))
    np.testing.assert_allclose(device.read(sums).sum(0), expected, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_importance_is_nan_or_infinite_where_the_reference_says_so(
    device: Device, special: float
) -> None:
    gradient = drawn(2, 1, 3, 3, 3)
    gradient[0, 1, 2, 2] = special
    sums = device.give(poisoned("float32", 1, 3))
    magnitude_sums(device.give(gradient), sums)
    np.testing.assert_allclose(device.read(sums).sum(0), reference.importance(gradient), rtol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_chosen_channels_are_copied_bit_by_bit(device: Device, layout: Layout, dtype: str) -> None:
    gradient = layout(stored_as(dtype, drawn(3, 2, 7, 3, 5)))
    chosen = np.array([0, 3, 4], np.int64)
    kept = device.give(layout(poisoned(gradient.dtype.name, 2, 3, 3, 5)))
    gathered(device.give(gradient), device.give(chosen), kept)
    np.testing.assert_array_equal(device.read(kept), gradient[:, chosen])


def test_an_empty_batch_is_left_alone(device: Device) -> None:
    gradient, sums = np.zeros((0, 3, 4, 4), np.float32), np.zeros((0, 3), np.float32)
    magnitude_sums(device.give(gradient), device.give(sums))
    chosen = device.give(np.array([1], np.int64))
    kept = device.give(gradient[:, :1])
    gathered(device.give(gradient), chosen, kept)
    assert device.read(kept).shape == (0, 1, 4, 4)
