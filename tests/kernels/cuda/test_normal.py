"""Normal numbers on the GPU, against the reference."""

import numpy as np
import pytest

from effmeter.kernels import reference
from effmeter.kernels.cuda.normal import normal
from tests.kernels.cuda.arrays import poisoned
from tests.kernels.cuda.devices import Device


@pytest.mark.parametrize("size", [1, 3, 4, 17, 1025])
def test_numbers_are_those_of_the_reference(device: Device, size: int) -> None:
    numbers = device.give(poisoned("float32", size))
    normal(numbers, seed=3, step=5, layer=7)
    expected = reference.normal(size, 3, 5, 7)
    np.testing.assert_allclose(device.read(numbers), expected, rtol=1e-5, atol=2e-6)


def test_every_bit_of_seed_step_and_layer_counts(device: Device) -> None:
    where = {"seed": 2**64 - 3, "step": 2**40 + 1, "layer": 2**32 - 1}
    numbers = device.give(poisoned("float32", 5))
    normal(numbers, **where, deviation=0.5)
    expected = 0.5 * reference.normal(5, **where)
    np.testing.assert_allclose(device.read(numbers), expected, rtol=1e-5, atol=2e-6)


def test_nothing_is_written_to_an_empty_array(device: Device) -> None:
    numbers = device.give(poisoned("float32", 0))
    normal(numbers, seed=1, step=1, layer=1)
    assert device.read(numbers).shape == (0,)
