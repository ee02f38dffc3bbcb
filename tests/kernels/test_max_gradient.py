"""The kernels of the max gradient, on the processor, against the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effmeter.kernels import reference
from effmeter.kernels.cpu.largest_elements import peaks
from effmeter.kernels.cpu.patches import patches_weighted
from effmeter.kernels.reference import Window
from tests.kernels.layouts import LAYOUTS, Layout, drawn


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [1, 2, 15])
@pytest.mark.parametrize("shape", [(1, 1, 3, 5), (3, 17, 5, 3), (2, 123, 3, 5)])
def test_peaks_are_where_the_reference_finds_them(
    layout: Layout, count: int, shape: tuple[int, ...]
) -> None:
    gradient = drawn(1, *shape)
    positions, values = peaks(layout(gradient), count)
    expected_positions, expected_values = reference.peaks(gradient, count)
    np.testing.assert_array_equal(positions, expected_positions)
    np.testing.assert_allclose(values, expected_values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("special", [np.nan, -np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_found_first_and_stay_what_they_are(
    layout: Layout, count: int, special: float
) -> None:
    gradient = drawn(2, 2, 3, 4, 5)
    gradient[0, 0, 1, 1] = special
    gradient[1, 2, 3, 0] = gradient[1, 2, 3, 4] = special
    positions, values = peaks(layout(gradient), count)
    expected_positions, expected_values = reference.peaks(gradient, count)
    np.testing.assert_array_equal(positions, expected_positions)
    np.testing.assert_allclose(values, expected_values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_equal_magnitudes_the_first_counts(layout: Layout) -> None:
    gradient = np.ones((2, 3, 4, 4), np.float32)
    gradient[:, :, ::2] *= -1
    positions, values = peaks(layout(gradient))
    assert not positions.any()
    assert not values.any()


def test_an_empty_batch_has_no_peaks_and_no_gradient() -> None:
    positions, values = peaks(np.zeros((0, 4, 3, 3), np.float32))
    window = Window((3, 3), padding=(1, 1))
    gradient = patches_weighted(np.zeros((0, 2, 3, 3), np.float32), positions, values, 3, window)
    assert gradient.shape == (4, 2, 3, 3)
    assert not gradient.any()


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 5),
    channels=st.sampled_from([1, 3, 5, 17]),
    outputs=st.sampled_from([1, 3, 40]),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 1)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    count=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_weighted_patches_add_up_to_the_weight_gradient_of_the_reference(
    layout: Layout,
    rows: int,
    channels: int,
    outputs: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    count: int,
    seed: int,
) -> None:
    window = Window(kernel, stride, padding, dilation)
    inputs = drawn(seed, rows, channels, 7, 9)
    height, width = (
        (size + 2 * pad - step * (k - 1) - 1) // s + 1
        for size, pad, step, k, s in zip((7, 9), padding, dilation, kernel, stride, strict=True)
    )
    positions, values = peaks(drawn(seed + 1, rows, outputs, height, width), count)
    found = patches_weighted(layout(inputs), positions, values, width, window)
    expected = reference.patches_weighted(inputs, positions, values, width, window)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_all_positions_together_give_the_whole_gradient() -> None:
    inputs, gradient = drawn(3, 2, 3, 6, 6), drawn(4, 2, 5, 6, 6)
    window = Window((3, 3), padding=(1, 1))
    found = patches_weighted(inputs, *peaks(gradient, 36), 6, window)
    padded = np.pad(inputs, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dense = [
        [np.einsum("nchw,nohw->oc", padded[:, :, y : y + 6, x : x + 6], gradient) for x in range(3)]
        for y in range(3)
    ]
    np.testing.assert_allclose(found, np.moveaxis(np.array(dense), (0, 1), (2, 3)), atol=1e-4)
