"""Shares sum to the whole, and their bounds hold the truth for any powers within the ratio."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.analysis.shares import (
    PROGRAMS,
    Holder,
    Share,
    Stretch,
    attributed,
    part_of,
    unattributed,
)
from effmeter.energy import Energy
from effmeter.recorded.work import NO_TIME, UsedTime

RATIO = 3.0
times = st.floats(0.0, 1e6)
ratios = st.floats(1.0, 20.0)


def exactly(seconds: float) -> UsedTime:
    return UsedTime(seconds, seconds, seconds)


def stretch(
    own_s: float = 0.0,
    recorded_s: float = 0.0,
    others_s: float = 0.0,
    *,
    energy: Energy | None = None,
    idle: Energy | None = None,
    most_idle_j: float = 0.0,
) -> Stretch:
    used = dict(zip(PROGRAMS, map(exactly, (own_s, recorded_s, others_s)), strict=True))
    everything = exactly(own_s + recorded_s + others_s)
    return Stretch(energy or Energy.exactly(100.0), idle, most_idle_j, used, everything)


def summed_j(shares: dict[Holder, Share]) -> float:
    return math.fsum(share.value_j or 0.0 for share in shares.values())


# The arithmetic of one part


@given(own_s=times, rest_s=times, ratio=ratios, within=st.floats(-1.0, 1.0))
def test_a_part_lies_between_its_ends_for_any_powers_within_the_ratio(
    own_s: float, rest_s: float, ratio: float, within: float
) -> None:
    power = ratio**within  # of the others per use, beside one of the program
    part = part_of(exactly(own_s), exactly(rest_s), ratio)
    if own_s + rest_s > 0:
        truth = own_s / (own_s + power * rest_s)
        assert part.low - 1e-9 <= truth <= part.high + 1e-9
    assert 0 <= part.low <= part.value <= part.high <= 1


@given(own_s=times, rest_s=times, ratio=ratios, more=st.floats(0.0, 10.0))
def test_a_greater_ratio_never_narrows_the_ends(
    own_s: float, rest_s: float, ratio: float, more: float
) -> None:
    narrow = part_of(exactly(own_s), exactly(rest_s), ratio)
    wide = part_of(exactly(own_s), exactly(rest_s), ratio + more)
    assert wide.low <= narrow.low + 1e-12
    assert wide.high >= narrow.high - 1e-12


def test_programs_of_equal_power_have_parts_without_width() -> None:
    part = part_of(exactly(1.0), exactly(3.0), 1.0)
    assert (part.value, part.low, part.high) == (0.25, 0.25, 0.25)


def test_the_only_user_has_all_and_one_without_use_has_nothing() -> None:
    assert part_of(exactly(5.0), NO_TIME, RATIO).low == 1.0
    assert part_of(NO_TIME, exactly(5.0), RATIO).high == 0.0


def test_where_nobody_is_known_to_use_it_the_part_may_be_anything() -> None:
    part = part_of(NO_TIME, NO_TIME, RATIO)
    assert (part.value, part.low, part.high) == (0.0, 0.0, 1.0)


def test_time_that_may_be_missing_widens_the_end_that_it_moves() -> None:
    sure = part_of(exactly(1.0), exactly(3.0), RATIO)
    unsure = part_of(UsedTime(1.0, 1.0, 2.0), UsedTime(3.0, 2.0, 3.0), RATIO)
    assert unsure.low == sure.low
    assert unsure.high == pytest.approx(6 / (6 + 2))
    assert unsure.high > sure.high


# The shares of a device

parts = st.tuples(times, times, times)


@given(st.lists(st.tuples(parts, st.floats(0.1, 1e4)), min_size=1, max_size=5), ratios)
def test_shares_sum_to_the_whole(
    pieces: list[tuple[tuple[float, float, float], float]], ratio: float
) -> None:
    slices = [stretch(*t, energy=Energy(e, 0.9 * e, 1.1 * e)) for t, e in pieces]
    whole_j = math.fsum(e for _, e in pieces)
    sums = [math.fsum(t[k] for t, _ in pieces) for k in range(3)]
    whole = stretch(*sums, energy=Energy(whole_j, 0.9 * whole_j, 1.1 * whole_j))
    shares = attributed(whole, slices, ratio)
    assert summed_j(shares) == pytest.approx(whole_j)
    assert all(s.low_j <= (s.value_j or 0.0) <= s.high_j for h, s in shares.items() if s.value_j)


@given(
    st.lists(parts, min_size=1, max_size=4),
    st.tuples(*[st.floats(-0.5, 0.5)] * 3),
    ratios,
    st.floats(0.0, 50.0),
)
def test_shares_hold_the_truth_whatever_each_program_draws_within_the_ratio(
    pieces: list[tuple[float, float, float]],
    exponents: tuple[float, float, float],
    ratio: float,
    idle_w: float,
) -> None:
    powers_w = [10.0 * ratio**e for e in exponents]
    true_j = [[p * t for p, t in zip(powers_w, piece, strict=True)] for piece in pieces]
    slices = [
        stretch(*piece, energy=Energy.exactly(sum(j) + idle_w), idle=Energy.exactly(idle_w))
        for piece, j in zip(pieces, true_j, strict=True)
    ]
    sums = [math.fsum(column) for column in zip(*pieces, strict=True)]
    idle_j = idle_w * len(pieces)
    whole_j = math.fsum(map(sum, true_j)) + idle_j
    whole = stretch(*sums, energy=Energy.exactly(whole_j), idle=Energy.exactly(idle_j))
    shares = attributed(whole, slices, ratio)
    for place, holder in enumerate(PROGRAMS):
        truth_j = math.fsum(j[place] for j in true_j)
        slack_j = 1e-6 * (1 + whole_j)
        assert shares[holder].low_j - slack_j <= truth_j <= shares[holder].high_j + slack_j
    assert summed_j(shares) == pytest.approx(whole_j)


def test_stretches_in_which_a_program_was_alone_are_its_own() -> None:
    alone = stretch(5.0, energy=Energy.exactly(80.0))
    others = stretch(0.0, 0.0, 5.0, energy=Energy.exactly(20.0))
    whole = stretch(5.0, 0.0, 5.0)
    share = attributed(whole, [alone, others], RATIO)[Holder.RUN]
    assert (share.value_j, share.low_j, share.high_j) == pytest.approx((80.0, 80.0, 80.0))
    as_one = attributed(whole, [], RATIO)[Holder.RUN]
    assert (as_one.value_j, as_one.low_j, as_one.high_j) == pytest.approx((50.0, 25.0, 75.0))


def test_idle_is_a_share_of_its_own() -> None:
    whole = stretch(5.0, 0.0, 5.0, idle=Energy(40.0, 38.0, 42.0))
    shares = attributed(whole, [], 1.0)
    assert shares[Holder.IDLE] == Share(40.0, 38.0, 42.0)
    assert shares[Holder.RUN].value_j == pytest.approx(30.0)
    assert (shares[Holder.RUN].low_j, shares[Holder.RUN].high_j) == pytest.approx((29.0, 31.0))


def test_without_idle_power_the_shares_hold_theirs_and_may_be_less_by_it() -> None:
    whole = stretch(5.0, 0.0, 5.0, most_idle_j=60.0)
    shares = attributed(whole, [], 1.0)
    assert shares[Holder.IDLE] == Share(None, 0.0, 60.0)
    assert shares[Holder.RUN] == Share(50.0, 20.0, 50.0)
    assert summed_j(shares) == 100.0


def test_a_machine_that_draws_less_than_when_it_was_idle_is_idle() -> None:
    shares = attributed(stretch(5.0, idle=Energy.exactly(130.0)), [], RATIO)
    assert shares[Holder.IDLE].value_j == 100.0
    assert shares[Holder.RUN].value_j == 0.0


def test_energy_while_nothing_used_the_device_is_unattributed() -> None:
    used = stretch(5.0, energy=Energy.exactly(70.0))
    unused = stretch(energy=Energy.exactly(30.0))
    shares = attributed(stretch(5.0), [used, unused], RATIO)
    assert shares[Holder.UNATTRIBUTED].value_j == pytest.approx(30.0)
    assert shares[Holder.RUN].value_j == pytest.approx(70.0)


def test_a_device_whose_use_is_unknown_is_unattributed_above_idle() -> None:
    shares = unattributed(stretch(idle=Energy.exactly(25.0)))
    assert shares[Holder.UNATTRIBUTED].value_j == 75.0
    assert summed_j(shares) == 100.0


def test_sensor_errors_are_divided_as_the_energy_is() -> None:
    whole = stretch(5.0, 0.0, 15.0, energy=Energy(100.0, 99.0, 101.0, {"cpu0": 8.0}))
    shares = attributed(whole, [], RATIO)
    assert shares[Holder.RUN].systematic_j == pytest.approx(2.0)
    assert sum(share.systematic_j for share in shares.values()) == pytest.approx(8.0)
