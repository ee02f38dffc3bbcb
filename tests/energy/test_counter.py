"""Counters are recovered exactly where that can be, and say what they hide where it cannot."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.energy.counter import DEFAULT_MAX_POWER_W, Counter, CounterLimits, Loss

LIMITS = CounterLimits(unit_j=1e-6, modulus=None, max_power_w=100.0, refresh_s=0.001)
S = 1_000_000_000


def follow(counter: Counter, readings: list[tuple[int, int]]) -> list[float | None]:
    return [counter.update(time_ns, raw) for time_ns, raw in readings]


def loss_of(counter: Counter) -> Loss | None:
    """What the last reading showed to be lost; each update says it anew."""
    return counter.loss


@st.composite
def plausible_sequences(
    draw: st.DrawFn,
) -> tuple[CounterLimits, list[int], list[int], int]:
    """Limits; moments; the units passed at each, in plausible steps of less than one wrap; start.

    The bound of a step is below one modulus, so that no wrap can go unseen.
    """
    modulus = draw(st.none() | st.integers(1_000, 10**12))
    limits = replace(LIMITS, modulus=modulus, max_power_w=draw(st.floats(1e-3, 1e4)))
    times_ns, passed = [draw(st.integers(0, 10**18))], [0]
    for elapsed_ns in draw(st.lists(st.integers(1, 10 * S), max_size=30)):
        most = int(limits.plausible_j(elapsed_ns) / limits.unit_j)
        jitter = int(limits.plausible_j(0) / limits.unit_j) + 1
        if modulus is not None and most + jitter >= modulus:
            continue
        times_ns.append(times_ns[-1] + elapsed_ns)
        passed.append(passed[-1] + draw(st.integers(0, most)))
    start = draw(st.integers(0, 10**12 if modulus is None else modulus - 1))
    return limits, times_ns, passed, start


@given(plausible_sequences())
def test_plausible_steps_of_less_than_a_wrap_are_recovered(
    sequence: tuple[CounterLimits, list[int], list[int], int],
) -> None:
    limits, times_ns, passed, start = sequence
    counter = Counter(limits)
    for time_ns, units in zip(times_ns, passed, strict=True):
        raw = start + units if limits.modulus is None else (start + units) % limits.modulus
        assert counter.update(time_ns, raw) == pytest.approx(units * limits.unit_j, rel=1e-12)
        assert counter.loss is None


def test_repeats_add_nothing() -> None:
    assert follow(Counter(LIMITS), [(0, 50), (S, 50), (2 * S, 50)]) == [0.0, 0.0, 0.0]


def test_two_readings_astride_a_refresh_are_plausible() -> None:
    energies = follow(Counter(LIMITS), [(0, 0), (10_000, 100_000)])
    assert energies == [0.0, pytest.approx(0.1)]


def test_small_step_back_holds_and_is_caught_up() -> None:
    counter = Counter(LIMITS)
    assert follow(counter, [(0, 10**9), (S, 10**9 + 500), (2 * S, 10**9 + 300)])[-1] == 0.0005
    assert loss_of(counter) == Loss(S, 2 * S, "the counter stepped back", 0.0)
    assert counter.update(3 * S, 10**9 + 200) == 0.0005
    assert loss_of(counter) is None
    assert counter.update(4 * S, 10**9 + 900) == pytest.approx(0.0009)


def test_step_back_across_a_wrap_is_not_a_whole_turn() -> None:
    counter = Counter(replace(LIMITS, modulus=10**9))
    assert follow(counter, [(0, 10**9 - 10), (S, 5), (2 * S, 10**9 - 1)])[-1] is None
    assert counter.update(3 * S, 25) == pytest.approx(35e-6)


def test_reset_goes_on_from_the_new_count_and_bounds_what_it_hid() -> None:
    counter = Counter(LIMITS)
    energies = follow(counter, [(0, 10**9), (S, 10**9 + 10**6), (2 * S, 1000), (3 * S, 5000)])
    assert energies == [0.0, 1.0, None, pytest.approx(1.004)]
    assert counter.loss is not None
    assert (counter.loss.begin_ns, counter.loss.end_ns) == (S, 2 * S)
    assert counter.loss.reason == "the counter was reset"
    assert counter.loss.hidden_j == pytest.approx(LIMITS.plausible_j(S))


@pytest.mark.parametrize("garbage", [2**64 - 1, 10**18, 0])
def test_single_outlier_is_passed_over(garbage: int) -> None:
    counter = Counter(LIMITS)
    energies = follow(counter, [(0, 10**9), (S, garbage), (2 * S, 10**9 + 10**6)])
    assert energies == [0.0, None, 1.0]
    assert counter.loss is None


def test_value_beyond_the_modulus_is_not_believed() -> None:
    counter = Counter(replace(LIMITS, modulus=10**9))
    assert follow(counter, [(0, 5), (S, 10**9), (2 * S, 25)]) == [0.0, None, pytest.approx(20e-6)]


def test_wraps_that_may_have_gone_unseen_are_bounded() -> None:
    counter = Counter(replace(LIMITS, modulus=10**8))
    assert follow(counter, [(0, 0), (5 * S, 5 * 10**7)])[-1] == pytest.approx(50.0)
    assert counter.loss is not None
    assert counter.loss.hidden_j == pytest.approx(400.0)


def test_limits_of_a_channel_without_one_allow_what_any_device_draws() -> None:
    channel = Channel("c", Component.CPU, Kind.COUNTER, Provenance.MEASURED, "a test", 0.1)
    assert CounterLimits.of(channel).max_power_w == DEFAULT_MAX_POWER_W
    assert CounterLimits.of(replace(channel, max_power_w=5.0)).max_power_w == 5.0


def test_a_counter_that_was_late_catches_up_in_one_believable_step() -> None:
    counter = Counter(LIMITS)
    stands_still = [(n * 1_000_000, 5_000) for n in range(71)]
    late_uj = 5_000 + 71 * 90_000  # 90 W over the 71 ms that it stood still
    readings = [*stands_still, (71_000_000, late_uj), (72_000_000, late_uj + 90_000)]
    assert follow(counter, readings)[-2:] == [pytest.approx(6.39), pytest.approx(6.48)]
    assert loss_of(counter) is None


def test_the_next_step_after_it_is_judged_by_its_own_time() -> None:
    counter = Counter(LIMITS)
    late_uj = 71 * 90_000
    readings = [(0, 0), (71_000_000, late_uj), (72_000_000, 2 * late_uj)]
    assert follow(counter, readings)[-1] is None
