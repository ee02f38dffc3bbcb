"""One counter under several names, and counters that only look alike."""

import random
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effmeter.probes.base import Failure
from effmeter.probes.rapl.identity import MOVED_READINGS, Counted, Verdict, compare
from tests.simulated.clock import ManualClock

RANGE_UJ = 65_532_610_987
SETTLED_UJ = 9_881_000_000
Energy = Callable[[float], float]
"""Joules since the counter's start by seconds of the clock."""


class Bench:
    """Counters that follow a clock; each reading takes a few microseconds of it."""

    def __init__(self, read_ns: int = 3_000) -> None:
        self.clock = ManualClock()
        self.paused_s = 0.0
        self._read_ns = read_ns

    def counter(
        self,
        name: str,
        energy_j: Energy,
        start_uj: int = SETTLED_UJ,
        *,
        lag_s: float = 0.0,
        refresh_s: float = 0.001,
        range_uj: int | None = RANGE_UJ,
    ) -> Counted:
        """A counter that is refreshed every ``refresh_s``, later than others by ``lag_s``."""
        modulus = None if range_uj is None else range_uj + 1

        def read() -> int:
            self.clock.time_ns += self._read_ns
            refreshes = int((self.clock.time_ns * 1e-9 + 1.0 - lag_s) / refresh_s)
            count = start_uj + int(energy_j(refreshes * refresh_s - 1.0) * 1e6)
            return count if modulus is None else count % modulus

        return Counted(name, modulus, read)

    def pause(self, seconds: float) -> None:
        self.paused_s += seconds
        self.clock.advance(seconds * 1.06)

    def verdict(self, *counters: Counted) -> Verdict:
        (verdict,) = compare(counters, self.clock.now_ns, self.pause).values()
        return verdict


def steady(power_w: float) -> Energy:
    return lambda t_s: power_w * t_s


def restless(seed: int, mean_w: float) -> Energy:
    """A power that is another one in each millisecond."""
    powers = random.Random(seed)
    passed = [0.0]
    for _ in range(1600):
        passed.append(passed[-1] + powers.uniform(0.2, 1.8) * mean_w * 1e-3)

    def energy_j(t_s: float) -> float:
        whole, part = divmod((t_s + 1.0) * 1e3, 1)
        return passed[int(whole)] + part * (passed[int(whole) + 1] - passed[int(whole)])

    return energy_j


@pytest.mark.parametrize("power", [steady(180.0), restless(1, 95.0)])
@pytest.mark.parametrize("lag_s", [0.0, 2e-5, 9e-4])
@pytest.mark.parametrize("refresh_s", [0.001, 0.005])
def test_names_of_one_counter_agree_within_a_refresh(
    power: Energy, lag_s: float, refresh_s: float
) -> None:
    bench = Bench()
    one = bench.counter("cpu0", power, refresh_s=refresh_s)
    other = bench.counter("cpu1", power, lag_s=lag_s, refresh_s=refresh_s)
    assert bench.verdict(one, other) is Verdict.SAME


def test_a_reading_that_is_held_up_between_two_names_does_not_part_them() -> None:
    bench = Bench()
    one, other = bench.counter("cpu0", steady(90.0)), bench.counter("cpu1", steady(90.0))
    reads = 0

    def read_late() -> int | Failure:
        nonlocal reads
        reads += 1
        if reads == 9:
            bench.clock.advance(0.03)
        return other.read()

    assert bench.verdict(one, Counted("cpu1", one.modulus, read_late)) is Verdict.SAME


def test_one_counter_is_found_across_its_wrap() -> None:
    bench = Bench()
    start_uj = RANGE_UJ - 2_000_000
    counters = [bench.counter(f"cpu{i}", steady(200.0), start_uj) for i in range(2)]
    assert bench.verdict(*counters) is Verdict.SAME


def test_one_counter_is_found_where_its_range_is_unknown() -> None:
    bench = Bench()
    counters = [bench.counter(f"cpu{i}", steady(31.0), range_uj=None) for i in range(2)]
    assert bench.verdict(*counters) is Verdict.SAME


@pytest.mark.parametrize("apart_uj", [12_000, 400_000, 3_000_000])
def test_dies_at_one_power_whose_counts_differ_are_two(apart_uj: int) -> None:
    bench = Bench()
    one = bench.counter("cpu0", steady(9.0))
    other = bench.counter("cpu1", steady(9.0), SETTLED_UJ + apart_uj)
    assert bench.verdict(one, other) is Verdict.APART


def test_dies_whose_counts_meet_while_they_are_compared_are_two() -> None:
    bench = Bench()
    one = bench.counter("cpu0", steady(40.0))
    other = bench.counter("cpu1", steady(75.0), SETTLED_UJ - 400_000)
    assert bench.verdict(one, other) is Verdict.APART


def test_counts_far_apart_are_read_once() -> None:
    bench = Bench()
    one, other = (bench.counter(f"cpu{i}", steady(50.0), (i + 1) * 10**9) for i in range(2))
    assert bench.verdict(one, other) is Verdict.FAR
    assert bench.paused_s == 0


def test_one_counter_is_found_within_thirty_milliseconds() -> None:
    bench = Bench()
    bench.verdict(*(bench.counter(f"cpu{i}", steady(50.0)) for i in range(2)))
    assert MOVED_READINGS * 0.001 <= bench.clock.time_ns * 1e-9 < 0.03


@pytest.mark.parametrize("start_uj", [1_000_000, 250_000_000])
def test_dies_that_began_a_short_while_ago_at_one_power_are_undecided(start_uj: int) -> None:
    bench = Bench()
    counters = [bench.counter(f"cpu{i}", steady(15.0), start_uj) for i in range(2)]
    assert bench.verdict(*counters) is Verdict.TOO_SOON


def test_counters_at_zero_are_not_compared() -> None:
    bench = Bench()
    counters = [bench.counter(f"cpu{i}", steady(0.0), 0) for i in range(2)]
    assert bench.verdict(*counters) is Verdict.UNCOUNTED
    assert bench.paused_s == 0


def test_a_counter_at_zero_is_another_than_one_that_counts() -> None:
    bench = Bench()
    one, other = bench.counter("cpu0", steady(0.0), 0), bench.counter("cpu1", steady(5.0), 10)
    assert bench.verdict(one, other) is Verdict.FAR


def test_counters_that_stand_still_are_undecided_soon() -> None:
    bench = Bench()
    counters = [bench.counter(f"cpu{i}", steady(0.0), 123_456_789) for i in range(2)]
    assert bench.verdict(*counters) is Verdict.TOO_RARE
    assert bench.paused_s < 0.3


def test_ranges_that_differ_are_of_two_counters() -> None:
    bench = Bench()
    one = bench.counter("cpu0", steady(50.0))
    other = bench.counter("cpu1", steady(50.0), range_uj=2 * RANGE_UJ)
    assert bench.verdict(one, other) is Verdict.FAR


def test_a_counter_that_fails_is_not_taken_for_another() -> None:
    bench = Bench()
    one, other = bench.counter("cpu0", steady(50.0)), bench.counter("cpu1", steady(50.0))
    reads = 0

    def read_and_fail() -> int | Failure:
        nonlocal reads
        reads += 1
        return other.read() if reads < 12 else Failure("gone")

    assert bench.verdict(one, Counted("cpu1", one.modulus, read_and_fail)) is Verdict.APART


def test_each_name_is_compared_with_each_other() -> None:
    bench = Bench()
    starts_uj = {"cpu0": SETTLED_UJ, "cpu1": SETTLED_UJ + 900_000}
    counters = [
        bench.counter(f"{socket}-die{die}", steady(200.0 - 20 * (socket == "cpu1")), start_uj)
        for die in range(4)
        for socket, start_uj in starts_uj.items()
    ]
    verdicts = compare(counters, bench.clock.now_ns, bench.pause)
    expected = {
        (one.name, other.name): Verdict.SAME if one.name[:4] == other.name[:4] else Verdict.APART
        for one, other in combinations(counters, 2)
    }
    assert verdicts == expected


def test_a_settled_pair_is_not_compared_again() -> None:
    bench = Bench()
    counters = [bench.counter(f"cpu{i}", steady(50.0)) for i in range(2)]
    assert compare(counters, bench.clock.now_ns, bench.pause, [("cpu0", "cpu1")]) == {}


@given(
    seed=st.integers(0, 10**6),
    mean_w=st.floats(0.5, 400.0),
    lag_s=st.floats(0, 9.9e-4),
    read_ns=st.integers(500, 200_000),
)
@settings(max_examples=40, deadline=None)
def test_one_counter_is_never_taken_for_two(
    seed: int, mean_w: float, lag_s: float, read_ns: int
) -> None:
    bench = Bench(read_ns)
    power = restless(seed, mean_w)
    start_uj = int(30e6 * 1.8 * mean_w)
    one = bench.counter("cpu0", power, start_uj)
    other = bench.counter("cpu1", power, start_uj, lag_s=lag_s)
    assert bench.verdict(one, other) is Verdict.SAME


@given(
    seed=st.integers(0, 10**6), mean_w=st.floats(0.5, 400.0), apart_fraction=st.floats(0.004, 0.2)
)
@settings(max_examples=40, deadline=None)
def test_two_counters_are_never_taken_for_one(
    seed: int, mean_w: float, apart_fraction: float
) -> None:
    """Dies whose mean powers since the start differ by four thousandths or more."""
    bench = Bench()
    one = bench.counter("cpu0", restless(seed, mean_w), int(30e6 * mean_w))
    start_uj = int(30e6 * mean_w * (1 + apart_fraction))
    other = bench.counter("cpu1", restless(seed + 1, mean_w), start_uj)
    assert bench.verdict(one, other) in (Verdict.APART, Verdict.FAR)
