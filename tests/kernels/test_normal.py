"""Random numbers that follow from seed, step and layer, on the processor and in the reference."""

import numpy as np
import pytest
from scipy.stats import kstest

from effmeter.kernels import reference
from effmeter.kernels.cpu.normal import normal
from effmeter.kernels.reference import philox

WORDS = {
    (0, 0): ("6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"),
    (2**32 - 1, 2**32 - 1): ("408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"),
}


@pytest.mark.parametrize("key", WORDS)
def test_the_words_are_those_that_the_authors_of_philox_publish(key: tuple[int, int]) -> None:
    counter = np.full(4, key[0], np.uint32)
    assert tuple(f"{word:08x}" for word in philox(counter, key)) == WORDS[key]


@pytest.mark.parametrize("size", [0, 1, 3, 5, 2048, 2049, 12345])
def test_the_kernel_draws_the_numbers_of_the_reference(size: int) -> None:
    of_stream = (2**40 + 5, 2**33 + 3, 2**31 + 7)
    found = normal(size, *of_stream, deviation=0.5)
    np.testing.assert_allclose(found, 0.5 * reference.normal(size, *of_stream), atol=1e-5)


def test_a_shorter_draw_is_the_beginning_of_a_longer_one() -> None:
    np.testing.assert_array_equal(normal(17, 1, 2, 3), normal(5000, 1, 2, 3)[:17])


@pytest.mark.parametrize("other", [(2, 2, 3), (1, 3, 3), (1, 2, 4), (2**32 + 1, 2, 3)])
def test_seed_step_and_layer_each_give_other_numbers(other: tuple[int, int, int]) -> None:
    first, second = normal(5000, 1, 2, 3), normal(5000, *other)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_they_are_normal() -> None:
    assert kstest(normal(200_000, 0, 0, 0), "norm").pvalue > 0.01
