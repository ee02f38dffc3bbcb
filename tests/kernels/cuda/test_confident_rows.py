"""Confidence and the rows to keep on the GPU, against the reference."""

import numpy as np
import pytest

from effmeter.kernels import reference
from effmeter.kernels.cuda.confident_rows import confidence
from effmeter.kernels.reference import Array
from tests.kernels.cuda.arrays import drawn, numbers_of, poisoned, stored_as
from tests.kernels.cuda.devices import Device


def assert_as_the_reference(
    device: Device,
    scores: Array,
    threshold: float = 0.5,
    only_right: bool = False,
    probability: float = 1.0,
) -> None:
    rows, classes = scores.shape
    targets = np.arange(rows, dtype=np.int64) % max(classes, 1)
    draws = np.random.default_rng(1).random((rows,), np.float32)
    softmax, right, kept, count = (
        device.give(poisoned(dtype, size))
        for dtype, size in (("float32", rows), ("uint8", rows), ("int64", rows), ("int32", 1))
    )
    confidence(
        device.give(scores),
        device.give(targets),
        threshold,
        only_right,
        device.give(draws),
        probability,
        softmax,
        right,
        kept,
        count,
    )
    expected = reference.confidence(
        numbers_of(scores), targets, threshold, only_right, draws, probability
    )
    np.testing.assert_allclose(device.read(softmax), expected[0], rtol=1e-5)
    np.testing.assert_array_equal(device.read(right).astype(bool), expected[1])
    np.testing.assert_array_equal(device.read(kept)[: device.read(count)[0]], expected[2])


@pytest.mark.parametrize(("rows", "classes"), [(1, 1), (3, 17), (40, 3)])
@pytest.mark.parametrize("only_right", [False, True])
def test_rows_are_kept_in_order_where_the_reference_keeps_them(
    device: Device, rows: int, classes: int, only_right: bool
) -> None:
    assert_as_the_reference(device, 3 * drawn(1, rows, classes), only_right=only_right)


@pytest.mark.parametrize("probability", [0.0, 0.5, np.nan])
def test_chance_decides_as_in_the_reference(device: Device, probability: float) -> None:
    assert_as_the_reference(device, 3 * drawn(2, 17, 5), probability=probability)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_read(device: Device, dtype: str) -> None:
    assert_as_the_reference(device, stored_as(dtype, 3 * drawn(3, 5, 5)))


def test_scores_are_read_where_they_lie(device: Device) -> None:
    assert_as_the_reference(device, drawn(4, 5, 10)[:, ::2])
    assert_as_the_reference(device, np.asfortranarray(drawn(5, 5, 3)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_ties_nan_and_infinity(device: Device) -> None:
    scores = drawn(6, 7, 3)
    scores[0], scores[1, 1], scores[2, 0], scores[3, 1] = 0.0, np.nan, np.inf, -np.inf
    scores[4], scores[5], scores[6] = -np.inf, [-0.0, 0.0, -1.0], [-2.0, -1.0, -1.0]
    assert_as_the_reference(device, scores, threshold=0.1, only_right=True)


def test_an_empty_batch_keeps_nothing(device: Device) -> None:
    assert_as_the_reference(device, np.zeros((0, 3), np.float32))
