"""The replay of the H200 names the targets that it misses."""

from benchmarks.traces_h200 import Row, lines, missed
from effmeter.energy import Energy
from tests.traces.h200 import SAMPLES, Replay, Window

PHASE = Replay(SAMPLES).phases[0]


def row(half_width_j: float, true_j: float, length_s: float = 1.0) -> Row:
    found = Energy(100.0, 100.0 - half_width_j, 100.0 + half_width_j)
    return Row("counter and samples", "the load", length_s, [Window(PHASE, found, true_j)] * 20)


def test_narrow_intervals_that_hold_the_load_miss_nothing() -> None:
    measured = [row(2.0, 101.0), row(10.0, 109.0, 0.25)]
    assert list(missed(measured)) == []
    assert len(list(lines(measured))) == 3


def test_intervals_that_are_wide_or_lie_beside_the_load_are_named() -> None:
    assert list(missed([row(4.0, 100.0)])) == ["counter and samples, 1 s: median half-width 4.0%"]
    assert list(missed([row(2.0, 105.0)])) == ["counter and samples, 1 s: held in 0.0%"]
