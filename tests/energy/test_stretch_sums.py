"""Stretches are summed over windows without visiting each of them for each window."""

import numpy as np

from effmeter.energy.counter import Loss
from effmeter.energy.part_time import Places, Values
from effmeter.energy.stretch_sums import disjoint


def lasting(at: Places, begin_ns: Values, end_ns: Values) -> Values:
    del at
    return end_ns - begin_ns


def random_losses(count: int) -> list[Loss]:
    generator = np.random.default_rng(7)
    begins = generator.integers(0, 1000, count)
    lengths = generator.integers(0, 60, count)
    return [Loss(int(b), int(b + n), "", 1.0) for b, n in zip(begins, lengths, strict=True)]


def test_the_shared_time_of_each_window_is_that_with_each_stretch() -> None:
    losses = random_losses(40)
    generator = np.random.default_rng(8)
    begins = generator.integers(-50, 1000, 300)
    ends = begins + generator.integers(1, 400, 300)
    found = sum(layer.summed(begins, ends, lasting) for layer in disjoint(losses))
    expected = [
        sum(max(0, min(end, each.end_ns) - max(begin, each.begin_ns)) for each in losses)
        for begin, end in zip(begins, ends, strict=True)
    ]
    assert np.asarray(found).tolist() == expected


def test_an_empty_window_holds_no_part_of_a_stretch() -> None:
    (layer,) = disjoint([Loss(0, 100, "", 1.0)])
    moments = np.array([-1, 0, 50, 100])
    found = layer.summed(moments, moments, lambda at, begin_ns, end_ns: np.ones(len(at)))
    assert found.tolist() == [0.0] * 4


def test_stretches_that_do_not_overlap_are_one_layer() -> None:
    losses = [Loss(10 * k, 10 * k + 10, "", 1.0) for k in range(50)]
    assert [len(layer.losses) for layer in disjoint(losses)] == [50]
    assert [len(layer.losses) for layer in disjoint([*losses, *losses])] == [50, 50]
    assert disjoint([Loss(5, 5, "", 1.0)]) == []


def test_parts_are_computed_in_the_sum_of_stretches_and_windows() -> None:
    """Not in their product."""
    computed = 0

    def counted(at: Places, begin_ns: Values, end_ns: Values) -> Values:
        nonlocal computed
        computed += len(at)
        return end_ns - begin_ns

    (layer,) = disjoint(Loss(10 * k, 10 * k + 5, "", 1.0) for k in range(1000))
    begins = np.arange(0, 10_000, 10)
    layer.summed(begins, begins + 5000, counted)
    assert computed <= 3 * 1000
