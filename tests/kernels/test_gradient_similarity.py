"""Comparing gradients with those before and storing them, on the processor."""

import numpy as np
import pytest

from effmeter.kernels import reference
from effmeter.kernels.cpu.gradient_similarity import similarity
from effmeter.kernels.reference import Array
from tests.kernels.layouts import drawn

SIZES = [(1,), (3, 5), (), (0,), (17,), (123, 300), (16384,), (16385,)]


def test_all_parts_are_compared_and_stored_in_one_call() -> None:
    gradients = [drawn(seed, *shape) for seed, shape in enumerate(SIZES)]
    stored = [drawn(50 + seed, *shape) for seed, shape in enumerate(SIZES)]
    expected = reference.similarity(gradients, [part.copy() for part in stored])
    found = similarity(gradients, stored)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-2)
    for part, kept in zip(gradients, stored, strict=True):
        np.testing.assert_array_equal(kept, part)


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_nan_and_infinity_stay_in_their_part(special: float) -> None:
    gradients = [drawn(1, 40), drawn(2, 40)]
    gradients[1][7] = special
    found = similarity(gradients, [drawn(3, 40), drawn(4, 40)])
    assert np.isfinite(found[0]).all()
    assert not np.isfinite(found[1, :2]).any()
    assert np.isfinite(found[1, 2])


def test_no_parts_have_no_sums() -> None:
    assert similarity([], []).shape == (0, 3)


@pytest.mark.parametrize("part", [drawn(1, 4), drawn(1, 10)[::2], drawn(1, 5).astype(np.float64)])
def test_parts_that_do_not_fit_what_is_stored_are_refused(part: Array) -> None:
    with pytest.raises(ValueError, match="of one shape"):
        similarity([part], [drawn(1, 5)])
