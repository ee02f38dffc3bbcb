"""The 95 % intervals hold the truth as often as they say, and are as narrow as they can be.

``python -m benchmarks.coverage`` prints the table over more runs, lengths and sensors.
"""

import math

import numpy as np
import pytest

from effmeter.energy.confidence import covering_j
from tests.simulated.strata import (
    INSTRUMENTS,
    Instrument,
    Stratum,
    loads,
    median_error,
    median_half_width,
    observe,
)

RUNS, FEWER_RUNS = 100, 50
LENGTHS_S = (0.05, 1.0, 2.0, 5.0, 10.0)


FEWER = 7
"""One load in seven, of every shape, in half of the runs is a first look; all take minutes."""


@pytest.fixture(
    scope="module",
    params=[
        *(pytest.param((i, FEWER), id=f"{i.name}, some loads") for i in INSTRUMENTS),
        *(pytest.param((i, 1), id=i.name, marks=pytest.mark.slow) for i in INSTRUMENTS),
    ],
)
def strata(request: pytest.FixtureRequest) -> list[Stratum]:
    """The loads on one instrument, or every seventh of them."""
    instrument: Instrument
    instrument, step = request.param
    runs = RUNS if step == 1 else FEWER_RUNS
    return [s for load in [*loads()][::step] for s in observe(instrument, load, runs, LENGTHS_S)]


def test_in_every_stratum_the_interval_holds_the_truth_in_95_percent(
    strata: list[Stratum],
) -> None:
    below = [
        f"{s.load.shape} {s.load.period_s} s, windows of {s.length_s} s: {s.held} of {s.windows}"
        for s in strata
        if s.is_below
    ]
    assert not below


def test_windows_of_a_second_and_more_have_narrow_intervals(strata: list[Stratum]) -> None:
    longer = [s for s in strata if s.length_s >= 1]
    if longer[0].instrument.is_gauge:
        assert median_half_width(s for s in longer if s.load.is_slow) <= 0.06
    else:
        assert median_half_width(longer) <= 0.02
        assert median_error(longer) <= 0.002


def test_a_gauge_that_looks_part_of_the_time_is_wide_where_it_cannot_know() -> None:
    """A steady load, and a square wave in step with the updates, show the same."""
    (gauge,) = (instrument for instrument in INSTRUMENTS if instrument.is_gauge)
    for load in loads([0.1]):
        (stratum,) = observe(gauge, load, 10, [1.0])
        assert median_half_width([stratum]) > 0.5


@pytest.mark.parametrize("spreads_j", [(1.0, 1.0), (1.0, 0.3), (1.0, 0.01), (1.0, 0.0)])
def test_sum_of_two_even_errors_stays_within_what_covers_it(
    spreads_j: tuple[float, float],
) -> None:
    random = np.random.default_rng(1)
    one, other = (spread_j * random.uniform(-0.5, 0.5, 400_000) for spread_j in spreads_j)
    inside = np.mean(np.abs(one + other) <= covering_j(*spreads_j))
    assert inside == pytest.approx(0.95, abs=0.002)


def test_unknown_spread_covers_nothing() -> None:
    assert covering_j(1.0, math.inf) == math.inf
    assert covering_j(0.0, 0.0) == 0.0
