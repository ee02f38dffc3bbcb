"""Extremes of ranges are those of the values in them, whatever blocks they touch."""

import numpy as np
import pytest

from effmeter.energy.range_extremes import RangeMax, RangeSpread


@pytest.mark.parametrize("count", [1, 5, 64, 65, 128, 1000])
def test_the_maxima_of_many_ranges_are_those_of_each(count: int) -> None:
    generator = np.random.default_rng(count)
    values = generator.standard_normal(count)
    first = generator.integers(-2, count + 2, 200)
    last = first + generator.integers(0, count + 1, 200)
    expected = [
        values[max(a, 0) : max(b, 0)].max(initial=-np.inf) for a, b in zip(first, last, strict=True)
    ]
    for few in (slice(0, 200), slice(0, 3)):
        assert RangeMax(values).of(first[few], last[few]).tolist() == expected[few]


def test_the_spread_is_from_the_least_to_the_most() -> None:
    spread = RangeSpread(np.array([3.0, -1.0, 4.0, 1.0, -5.0]))
    first, last = np.array([0, 3, 1]), np.array([3, 5, 2])
    assert spread.spread(first, last).tolist() == [5.0, 6.0, 0.0]
    assert spread.highest(first, last).tolist() == [4.0, 1.0, -1.0]
