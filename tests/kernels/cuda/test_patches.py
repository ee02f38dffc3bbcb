"""Weight gradients from few elements on the GPU, against the reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.kernels import reference
from effmeter.kernels.cuda.compiling import Located
from effmeter.kernels.cuda.patch_tiling import SHARED_FLOATS, tile_patches
from effmeter.kernels.cuda.patches import patches_weighted, slices
from effmeter.kernels.reference import Array, Window
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

WINDOWS = [
    Window((3, 3), padding=(1, 1)),
    Window((1, 1), stride=(2, 1)),
    Window((2, 3), stride=(1, 2), padding=(2, 0), dilation=(2, 2)),
]


def assert_as_the_reference(
    device: Device, inputs: Array, outputs: int, window: Window, count: int = 1
) -> None:
    gradient = drawn(7, len(inputs), outputs, *output_size(inputs, window))
    positions, values = reference.peaks(gradient, count)
    given_inputs, given_positions = device.give(inputs), device.give(positions)
    size = (inputs.shape[1], *window.kernel)
    parts = device.give(
        poisoned("float32", slices(given_inputs, given_positions, window), outputs, *size)
    )
    given_values = device.give(values.astype(np.float32))
    width = gradient.shape[3]
    patches_weighted(given_inputs, given_positions, given_values, width, window, parts)
    expected = reference.patches_weighted(numbers_of(inputs), positions, values, width, window)
    np.testing.assert_allclose(device.read(parts).sum(0), expected, rtol=1e-4, atol=1e-4)


def output_size(inputs: Array, window: Window) -> tuple[int, int]:
    height, width = (
        (size + 2 * pad - step * (kernel - 1) - 1) // stride + 1
        for size, pad, step, kernel, stride in zip(
            inputs.shape[2:],
            window.padding,
            window.dilation,
            window.kernel,
            window.stride,
            strict=True,
        )
    )
    return height, width


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("window", WINDOWS)
def test_patches_add_up_to_the_weight_gradient_of_the_reference(
    device: Device, layout: Layout, window: Window
) -> None:
    assert_as_the_reference(device, layout(drawn(1, 2, 5, 5, 7)), 17, window, count=2)


@pytest.mark.parametrize("layout", [channels_first, channels_last])
def test_more_channels_than_a_block_has_lanes(device: Device, layout: Layout) -> None:
    assert_as_the_reference(device, layout(drawn(2, 1, 33, 3, 3)), 3, WINDOWS[0])


def test_maps_that_are_too_large_to_lay_out_are_read_as_they_lie(device: Device) -> None:
    assert_as_the_reference(device, drawn(3, 1, 1, 37, 37), 3, WINDOWS[0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("layout", [channels_first, channels_last])
def test_half_precision_is_read_and_added_up_in_single(
    device: Device, layout: Layout, dtype: str
) -> None:
    inputs = layout(stored_as(dtype, drawn(4, 1, 3, 5, 5)))
    assert_as_the_reference(device, inputs, 3, WINDOWS[0])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("layout", [channels_first, channels_last])
@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_nan_and_infinity_reach_the_weights_whose_patches_hold_them(
    device: Device, layout: Layout, special: float
) -> None:
    inputs = drawn(5, 1, 3, 5, 5)
    inputs[0, 1, 2, 2] = special
    assert_as_the_reference(device, layout(inputs), 3, WINDOWS[0])


@pytest.mark.parametrize("layout", [channels_first, channels_last])
def test_an_empty_batch_has_no_gradient(device: Device, layout: Layout) -> None:
    inputs = device.give(layout(np.zeros((0, 3, 4, 4), np.float32)))
    positions = device.give(np.zeros((0, 5, 1), np.int32))
    values = device.give(np.zeros((0, 5, 1), np.float32))
    parts = device.give(poisoned("float32", slices(inputs, positions, WINDOWS[0]), 5, 3, 3, 3))
    patches_weighted(inputs, positions, values, 4, WINDOWS[0], parts)
    assert not device.read(parts).any()


sizes = st.integers(1, 300)
pairs = st.tuples(st.integers(1, 7), st.integers(1, 7))


@given(
    rows=st.integers(0, 600),
    channels=sizes,
    outputs=sizes,
    size=st.tuples(sizes, sizes),
    kernel=pairs,
    padding=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    channels_adjacent=st.booleans(),
)
def test_a_plan_covers_all_channels_outputs_and_rows_within_the_shared_memory(
    rows: int,
    channels: int,
    outputs: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    padding: tuple[int, int],
    channels_adjacent: bool,
) -> None:
    shape, area = (rows, channels, *size), size[0] * size[1]
    strides = (
        (channels * area, 1, size[1] * channels, channels)
        if channels_adjacent
        else (channels * area, area, size[1], 1)
    )
    tiling = tile_patches(
        Located(0, shape, strides, np.dtype(np.float32)), outputs, Window(kernel, padding=padding)
    )
    padded = (size[0] + 2 * padding[0]) * (size[1] + 2 * padding[1])
    assert tiling.rows_laid_out * padded * (tiling.lanes + 1) <= SHARED_FLOATS
    assert tiling.lanes * tiling.blocks[0] >= channels
    groups = tiling.threads // tiling.lanes
    assert groups * tiling.outputs_per_thread * tiling.blocks[1] >= outputs
    assert 1 <= tiling.slices <= max(rows, 1)
