"""When a counter stands still, and above all when it does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.channel import Channel, Component
from effmeter.energy.standstill import (
    ENDLESS_NS,
    NOT_MOVED,
    STANDS_STILL,
    Moved,
    StandstillRule,
    StandstillWatch,
    Stretch,
    longest_usual_s,
    standing_stretches,
)
from tests.runfile.writing import counter, gauge

PACKAGE = counter("cpu0", least_power_w=0.1, resolution=61e-6)
GPU = counter("gpu0", Component.GPU, refresh_s=0.1, resolution=1e-3, least_power_w=1.0)
SOME = [0.0, 7.0, 14.0, 21.0]
"""What a counter of 70 W shows in the first 0.4 s, read ten times a second."""


def ns(time_s: float) -> int:
    return round(time_s * 1e9)


def stretches(
    channel: Channel,
    energies_j: list[float],
    period_s: float = 0.1,
    holes: dict[int, float] | None = None,
) -> list[Stretch]:
    """The standstills in evenly spaced readings; ``holes`` are before the readings numbered (s)."""
    spacings_s = np.full(len(energies_j), period_s)
    spacings_s[0] = 0.0
    for place, hole_s in (holes or {}).items():
        spacings_s[place] = hole_s
    times_ns = np.round(np.cumsum(spacings_s) * 1e9).astype(np.int64)
    usual_s = longest_usual_s(channel, period_s)
    return standing_stretches(channel, times_ns, np.array(energies_j), usual_s)


def test_counter_that_never_moves_stands_still_all_the_time() -> None:
    assert stretches(PACKAGE, [0.0] * 20) == [Stretch(-ENDLESS_NS, ENDLESS_NS)]


def test_counter_that_stops_stands_still_from_its_last_change_on() -> None:
    assert stretches(PACKAGE, [*SOME, *[21.0] * 20]) == [Stretch(ns(0.3), ENDLESS_NS)]


def test_counter_that_goes_on_where_it_stopped_has_lost_the_stretch() -> None:
    energies_j = [*SOME, *[21.0] * 20, 28.0, 35.0, 42.0]
    assert stretches(PACKAGE, energies_j) == [Stretch(ns(0.3), ns(2.4))]


def test_counter_that_stops_time_and_again_stands_still_each_time() -> None:
    again = [21.0 + x for x in SOME[1:]]
    energies_j = [*SOME, *[21.0] * 15, *again, *[42.0] * 15, 49.0]
    assert stretches(GPU, energies_j) == [
        Stretch(ns(0.3), ns(1.9)),
        Stretch(ns(2.1), ns(3.7)),
    ]


def test_counter_that_is_late_has_counted_on() -> None:
    assert stretches(GPU, [*SOME, *[21.0] * 20, 168.0, 175.0]) == []


def test_counter_that_refreshes_more_slowly_than_it_states_is_no_standstill() -> None:
    energies_j = [150.0 * (step // 21) for step in range(300)]
    assert stretches(GPU, energies_j[:-15]) == []


def test_memory_and_graphics_may_rest() -> None:
    memory = counter("dram0", Component.RAM)
    assert stretches(memory, [0.0] * 100) == []
    assert stretches(gauge(least_power_w=1.0), [0.0] * 100) == []


def test_suspend_is_no_time_awake() -> None:
    energies_j = [*SOME, 21.0, 21.0, 28.0, 35.0]
    assert stretches(GPU, energies_j, holes={5: 3600.0}) == []
    assert stretches(PACKAGE, [*SOME, 21.0 + 1e-4, *SOME[1:]], holes={4: 3600.0}) == []


def test_stopped_recorder_is_no_time_awake() -> None:
    assert stretches(GPU, [0.0, 0.0, 0.0, 30.0, 60.0], holes={1: 45.0}) == []


def test_power_below_the_resolution_is_not_expected_to_show() -> None:
    coarse = counter("node", Component.CPU, refresh_s=0.1, resolution=1.0, least_power_w=0.1)
    assert stretches(coarse, [5.0, *[6.0] * 400]) == []
    assert stretches(coarse, [5.0, *[6.0] * 502]) == [Stretch(ns(0.1), ENDLESS_NS)]


def test_fewer_than_ten_refreshes_decide_nothing() -> None:
    assert stretches(GPU, [*SOME, *[21.0] * 9]) == []
    assert stretches(GPU, [*SOME, *[21.0] * 10]) == [Stretch(ns(0.3), ENDLESS_NS)]


def test_short_recording_in_which_a_counter_did_not_move_says_nothing_of_its_energy() -> None:
    assert stretches(GPU, [0.0] * 4) == [Stretch(-ENDLESS_NS, ENDLESS_NS, NOT_MOVED)]


def test_one_reading_decides_nothing() -> None:
    assert stretches(PACKAGE, [0.0]) == []


def test_watch_says_since_when_and_whether_the_counter_caught_up() -> None:
    rule = StandstillRule.of(GPU)
    assert rule is not None
    assert rule.look_s == pytest.approx(1.0)
    for last_j, caught_up in ((168.0, True), (28.0, False)):
        watch = StandstillWatch(rule)
        energies_j = [*SOME, *[21.0] * 20]
        for step, energy_j in enumerate(energies_j):
            assert watch.update(ns(step * 0.1), energy_j, 0.5) is None
        assert watch.since_ns == ns(0.3)
        assert watch.update(ns(2.4), last_j, 0.5) == Moved(ns(0.3), ns(2.4), caught_up)
        assert watch.since_ns is None


STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.0, 0.0, 0.05, 7.0, 100.0]), st.sampled_from([0.1, 0.3, 2.0])),
    min_size=2,
    max_size=120,
)


@given(STEPS, st.sampled_from([PACKAGE, GPU]))
def test_watch_and_reader_judge_alike(steps: list[tuple[float, float]], channel: Channel) -> None:
    steps = [
        (7.0, 0.1),
        (7.0, 0.1),
        (7.0, 0.1),
        *steps,
    ]  # before it has moved, the reader knows more
    energies_j = np.cumsum([step_j for step_j, _ in steps])
    times_ns = np.cumsum([ns(step_s) for _, step_s in steps])
    rule = StandstillRule.of(channel)
    assert rule is not None
    watch = StandstillWatch(rule)
    found = []
    for time_ns, energy_j in zip(times_ns.tolist(), energies_j.tolist(), strict=True):
        moved = watch.update(time_ns, energy_j, 0.5)
        if moved is not None and not moved.has_caught_up:
            found.append((moved.begin_ns, moved.end_ns))
    if watch.since_ns is not None:
        found.append((watch.since_ns, ENDLESS_NS))
    judged = standing_stretches(channel, times_ns, energies_j, 0.5)
    first_ns = int(times_ns[0])
    assert found == [
        (max(first_ns, begin_ns), end_ns)
        for begin_ns, end_ns, reason in judged
        if reason == STANDS_STILL
    ]


@pytest.mark.parametrize("moves_before", [0, 1])
def test_counter_that_begins_to_count_late_has_lost_what_came_before(moves_before: int) -> None:
    quiet = [7.0 * moves_before] * 25
    energies_j = [0.0] * moves_before + quiet + [quiet[-1] + 7.0 * i for i in range(1, 20)]
    times_ns = np.array([ns(0.1 * i) for i in range(len(energies_j))])
    (stretch,) = standing_stretches(PACKAGE, times_ns, np.array(energies_j), 0.5)
    assert stretch.end_ns == times_ns[25 + moves_before]
    rule = StandstillRule.of(PACKAGE)
    assert rule is not None
    watch = StandstillWatch(rule)
    told = [watch.update(int(t), e, 0.5) for t, e in zip(times_ns, energies_j, strict=True)]
    (moved,) = [move for move in told if move is not None]
    assert (moved.end_ns, moved.has_caught_up) == (stretch.end_ns, False)


def test_counter_that_is_slow_from_its_first_reading_on_has_counted_on() -> None:
    energies_j = np.repeat([0.0, 175.0, 350.0, 525.0], 25)
    times_ns = np.array([ns(0.1 * i) for i in range(len(energies_j))])
    assert standing_stretches(PACKAGE, times_ns, energies_j, 0.5) == []


@pytest.mark.parametrize("moves_before", [0, 1])
def test_a_second_standstill_is_noticed_as_fast_as_a_first(moves_before: int) -> None:
    quiet = [0.0] * moves_before + [7.0 * moves_before] * 50
    moving = [quiet[-1] + 7.0 * i for i in range(1, 12)]
    rule = StandstillRule.of(PACKAGE)
    assert rule is not None
    watch = StandstillWatch(rule)
    for place, energy_j in enumerate([*quiet, *moving, *[moving[-1]] * 6]):
        watch.update(ns(0.1 * place), energy_j, 0.5)
    assert watch.since_ns == ns(0.1 * (len(quiet) + len(moving) - 1))


def test_a_counter_that_is_late_from_its_first_reading_on_is_given_its_time() -> None:
    rule = StandstillRule.of(PACKAGE)
    assert rule is not None
    watch = StandstillWatch(rule)
    since = []
    for place, energy_j in enumerate(np.repeat([0.0, 175.0, 350.0, 525.0, 700.0], 25).tolist()):
        watch.update(ns(0.1 * place), energy_j, 0.5)
        since.append(watch.since_ns)
    assert all(found is None for found in since[75:]), "late by 2.5 s as a rule"
