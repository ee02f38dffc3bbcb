"""Peaks of maps on the GPU, against the reference."""

import numpy as np
import pytest

from effmeter.kernels import reference
from effmeter.kernels.cuda.largest_elements import peaks
from effmeter.kernels.reference import Array
from tests.kernels.cuda.arrays import (
    LAYOUTS,
    Layout,
    channels_first,
    channels_last,
    drawn,
    numbers_of,
    poisoned,
    stored_as,
)
from tests.kernels.cuda.devices import Device


def found(device: Device, gradient: Array, count: int = 1) -> tuple[Array, Array]:
    positions = device.give(poisoned("int32", *gradient.shape[:2], count))
    values = device.give(poisoned("float32", *gradient.shape[:2], count))
    peaks(device.give(gradient), positions, values)
    return device.read(positions), device.read(values)


def assert_as_the_reference(device: Device, gradient: Array, count: int = 1) -> None:
    positions, values = found(device, gradient, count)
    expected_positions, expected_values = reference.peaks(numbers_of(gradient), count)
    np.testing.assert_array_equal(positions, expected_positions)
    np.testing.assert_allclose(values, expected_values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("shape", "count"), [((1, 1, 3, 5), 1), ((2, 17, 5, 3), 1), ((1, 3, 17, 5), 3)]
)
def test_peaks_are_where_the_reference_finds_them(
    device: Device, layout: Layout, count: int, shape: tuple[int, ...]
) -> None:
    assert_as_the_reference(device, layout(drawn(1, *shape)), count)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("layout", [channels_first, channels_last])
def test_half_precision_is_read_and_added_up_in_single(
    device: Device, layout: Layout, dtype: str
) -> None:
    assert_as_the_reference(device, layout(stored_as(dtype, drawn(2, 2, 3, 5, 5))))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("special", [np.nan, -np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_found_first_and_stay_what_they_are(
    device: Device, count: int, special: float
) -> None:
    gradient = drawn(3, 1, 3, 4, 5)
    gradient[0, 0, 1, 1] = special
    gradient[0, 2, 3, 0] = gradient[0, 2, 3, 4] = special
    assert_as_the_reference(device, gradient, count)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_equal_magnitudes_the_first_counts(device: Device, layout: Layout) -> None:
    gradient = np.ones((1, 3, 4, 4), np.float32)
    gradient[:, :, ::2] *= -1
    positions, values = found(device, layout(gradient))
    assert not positions.any()
    assert not values.any()


def test_a_map_of_zeros_has_its_peak_at_the_beginning(device: Device) -> None:
    positions, values = found(device, np.zeros((1, 2, 3, 3), np.float32), 2)
    np.testing.assert_array_equal(positions, [[[0, 1], [0, 1]]])
    assert not values.any()


def test_all_elements_of_a_map_can_be_peaks(device: Device) -> None:
    assert_as_the_reference(device, drawn(4, 1, 2, 2, 3), 6)


def test_an_empty_batch_is_left_alone(device: Device) -> None:
    positions, values = found(device, np.zeros((0, 3, 4, 4), np.float32))
    assert positions.shape == values.shape == (0, 3, 1)
