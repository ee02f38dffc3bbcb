"""Similarity of gradients on the GPU, against the reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.kernels import reference
from effmeter.kernels.cuda.gradient_similarity import CHUNK, chunk_table, similarity
from tests.kernels.cuda.arrays import DTYPES, drawn, numbers_of, poisoned, stored_as
from tests.kernels.cuda.devices import Device

SIZES = [5, 0, 300, 1]
GRADIENT_OFFSETS, STORED_OFFSETS = [3, 9, 20, 400], [350, 340, 10, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_and_norms_are_those_of_the_reference_and_gradients_are_stored(
    device: Device, dtype: str
) -> None:
    gradients, stored = (stored_as(dtype, drawn(seed, 500)) for seed in (1, 2))
    table, first = chunk_table(GRADIENT_OFFSETS, STORED_OFFSETS, SIZES)
    sums = device.give(poisoned("float64", len(SIZES), 3))
    given_stored = device.give(stored)
    similarity(
        device.give(gradients),
        given_stored,
        device.give(table),
        device.give(first),
        device.give(poisoned("float32", len(table), 3)),
        sums,
    )
    new = [gradients[at : at + n] for at, n in zip(GRADIENT_OFFSETS, SIZES, strict=True)]
    old = [stored[at : at + n] for at, n in zip(STORED_OFFSETS, SIZES, strict=True)]
    expected = reference.similarity([numbers_of(a) for a in new], [numbers_of(a) for a in old])
    np.testing.assert_allclose(device.read(sums), expected, rtol=1e-5, atol=1e-5)
    for place, part in zip(old, new, strict=True):
        place[...] = part
    np.testing.assert_array_equal(device.read(given_stored), stored)


def test_no_layers_are_no_work(device: Device) -> None:
    nothing = device.give(drawn(1, 0))
    table, first = chunk_table([], [], [])
    sums = device.give(poisoned("float64", 0, 3))
    partial = device.give(poisoned("float32", 0, 3))
    similarity(nothing, nothing, device.give(table), device.give(first), partial, sums)
    assert device.read(sums).shape == (0, 3)


@given(st.lists(st.integers(0, 5 * CHUNK), min_size=1, max_size=20))
def test_chunks_cover_each_part_once_and_in_order(sizes: list[int]) -> None:
    offsets = list(range(0, 10 * CHUNK * len(sizes), 10 * CHUNK))
    table, first = chunk_table(offsets, [-at for at in offsets], sizes)
    for part, (at, size) in enumerate(zip(offsets, sizes, strict=True)):
        begins, stored, lengths = table[first[part] : first[part + 1]].T
        assert lengths.sum() == size
        assert (lengths <= CHUNK).all()
        np.testing.assert_array_equal(begins, at + np.cumsum([0, *lengths])[:-1])
        np.testing.assert_array_equal(stored + 2 * at, begins)
