"""Energies against the truth: it lies within the bounds, and the parts of a window add up.

The sensors here are simulated to their description: a counter refreshes at least once in each
refresh period, shows whole steps of its resolution, and is read at any moments at all.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.energy import Energy, Trace, total, trace
from effmeter.energy.counter import Loss
from effmeter.energy.counter_trace import CounterTrace
from effmeter.energy.gauge_trace import GaugeTrace

ORIGIN_NS = 10**15
MAX_POWER_W = 400.0


def ns(time_s: float) -> int:
    return ORIGIN_NS + round(time_s * 1e9)


def channel(kind: Kind = Kind.COUNTER, **more: Any) -> Channel:
    described = {"refresh_s": 0.001, "resolution": 1e-6, **more}
    return Channel("c", Component.CPU, kind, Provenance.MEASURED, "a test", **described)


def moments(times_s: Sequence[float] | NDArray[np.float64]) -> NDArray[np.int64]:
    return np.array([ns(float(time_s)) for time_s in times_s], np.int64)


def counted(
    times_s: NDArray[np.float64], powers_w: Sequence[float], step_s: float, **more: Any
) -> CounterTrace:
    """A counter of fine steps over power that is constant in each ``step_s``."""
    edges = np.arange(len(powers_w) + 1) * step_s
    passed = np.concatenate(([0.0], np.cumsum(np.array(powers_w) * step_s)))
    values = np.interp(times_s, edges, passed)
    return CounterTrace(channel(**more), moments(times_s), values - values[0])


def energy(of: Trace, begin_s: float, end_s: float) -> Energy:
    found = of.energy(ns(begin_s), ns(end_s))
    assert found is not None
    return found


def bounds(of: CounterTrace, begin_s: float, end_s: float) -> Energy:
    found = of.bounds(ns(begin_s), ns(end_s))
    assert found is not None
    return found


# The truth lies within the bounds


class Scene(NamedTuple):
    """A power profile, the counter that followed it, and the boundaries asked for (s)."""

    edges_s: NDArray[np.float64]
    powers_w: NDArray[np.float64]
    trace: CounterTrace
    boundaries_s: list[float]

    def true_j(self, begin_s: float, end_s: float) -> float:
        passed = np.concatenate(([0.0], np.cumsum(self.powers_w * np.diff(self.edges_s))))
        begin_j, end_j = np.interp([begin_s, end_s], self.edges_s, passed)
        return float(end_j - begin_j)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Random bounded power, sampled at a counter that steps, with extra readings at marks."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    refresh_s = draw(st.sampled_from([0.001, 0.02, 0.1]))
    period_s = draw(st.sampled_from([0.01, 0.1, 0.3]))
    contrast = draw(st.sampled_from([1.0, 2.0, 8.0]))
    resolution_j = draw(st.sampled_from([1e-6, 0.001, 1.0]))
    pieces = draw(st.integers(1, 30))
    lengths_s = random.uniform(0.5, 10.0, pieces)
    edges_s = np.concatenate(([0.0], np.cumsum(lengths_s * 6.0 / lengths_s.sum())))
    powers_w = random.uniform(MAX_POWER_W / 8 / contrast, MAX_POWER_W / 8, pieces)
    passed_j = np.concatenate(([0.0], np.cumsum(powers_w * np.diff(edges_s))))
    regular = draw(st.booleans())
    steps_s = random.uniform(1.0 if regular else 0.2, 1.0, int(40 / refresh_s)) * refresh_s
    refreshes_s = np.cumsum(steps_s) - refresh_s
    readings_s = np.cumsum(random.uniform(0.5, 1.5, int(12 / period_s)) * period_s)
    boundaries_s = np.sort(random.uniform(0.5, 5.5, 4))
    readings_s = np.sort(np.concatenate((readings_s, boundaries_s + random.uniform(0, 2e-4, 4))))
    readings_s = readings_s[(readings_s > refresh_s) & (readings_s < 6.0)]
    shown_s = refreshes_s[np.searchsorted(refreshes_s, readings_s, "right") - 1]
    shown_j = np.floor(np.interp(shown_s, edges_s, passed_j) / resolution_j) * resolution_j
    limit_w = draw(st.sampled_from([None, MAX_POWER_W / 8]))
    described = channel(refresh_s=refresh_s, resolution=resolution_j, max_power_w=limit_w)
    followed = CounterTrace(described, moments(readings_s), shown_j - shown_j[0])
    return Scene(edges_s, powers_w, followed, [float(b) for b in boundaries_s])


@settings(max_examples=150)
@given(scenes())
def test_truth_lies_within_the_bounds_of_every_window(scene: Scene) -> None:
    for i, begin_s in enumerate(scene.boundaries_s):
        for end_s in scene.boundaries_s[i + 1 :]:
            found, true_j = bounds(scene.trace, begin_s, end_s), scene.true_j(begin_s, end_s)
            assert found.low_j - 1e-5 <= true_j <= found.high_j + 1e-5


@settings(max_examples=50)
@given(scenes())
def test_parts_of_a_window_add_up(scene: Scene) -> None:
    cuts = scene.boundaries_s
    parts = total(energy(scene.trace, a, b) for a, b in pairwise(cuts))
    whole = energy(scene.trace, cuts[0], cuts[-1])
    assert parts is not None
    assert parts.value_j == pytest.approx(whole.value_j, rel=1e-9, abs=1e-6)
    assert parts.half_width_j >= whole.half_width_j - 1e-6


@settings(max_examples=50)
@given(scenes())
def test_interval_is_never_wider_than_the_bounds(scene: Scene) -> None:
    begin_s, *_, end_s = scene.boundaries_s
    found, bounded = energy(scene.trace, begin_s, end_s), bounds(scene.trace, begin_s, end_s)
    assert found.value_j == bounded.value_j
    assert bounded.low_j <= found.low_j <= found.high_j <= bounded.high_j


@settings(max_examples=50)
@given(scenes())
def test_value_lies_within_its_own_interval(scene: Scene) -> None:
    found = energy(scene.trace, scene.boundaries_s[0], scene.boundaries_s[-1])
    assert 0 <= found.low_j <= found.value_j <= found.high_j


# Counters


def test_constant_power_between_coarse_readings_is_exact() -> None:
    followed = counted(np.arange(0, 10, 0.5), [100.0], 10.0)
    assert energy(followed, 1.13, 8.77).value_j == pytest.approx(764.0, rel=1e-3)


def test_counter_of_coarse_steps_is_interpolated_between_its_changes() -> None:
    """A plain difference over 50 ms of a counter that steps every 20 ms errs by up to 40 %."""
    milliseconds = np.arange(5000, dtype=np.float64)
    times_s, values = milliseconds * 1e-3, milliseconds // 20 * 0.02 * 100.0
    followed = CounterTrace(channel(refresh_s=0.02), moments(times_s), values)
    for begin_s in np.arange(1.0, 2.0, 0.0137):
        found = energy(followed, begin_s, begin_s + 0.05)
        assert found.value_j == pytest.approx(5.0, rel=0.02)


def test_extra_reading_at_a_mark_narrows_its_interval() -> None:
    times_s = np.arange(0.0, 10.0, 0.1)
    marked_s = np.sort(np.concatenate((times_s, [2.0501, 7.0501])))
    powers_w = [50.0, 100.0] * 50
    without = energy(counted(times_s, powers_w, 0.1), 2.05, 7.05)
    marked = energy(counted(marked_s, powers_w, 0.1), 2.05, 7.05)
    assert marked.half_width_j < without.half_width_j / 5


def test_counter_that_stood_still_did_not_rise_meanwhile() -> None:
    times_s = np.arange(0.0, 10.0, 0.1)
    powers_w = [0.0] * 80 + [200.0] * 20
    followed = counted(times_s, powers_w, 0.1)
    assert energy(followed, 1.0, 7.5).high_j < 1.0
    assert energy(followed, 8.2, 9.2).value_j == pytest.approx(200.0, rel=0.01)


def test_slow_reads_widen_the_interval() -> None:
    times_s = np.arange(0.0, 5.0, 0.1)
    values = 100.0 * times_s
    quick = CounterTrace(channel(), moments(times_s), values)
    slow = CounterTrace(channel(), moments(times_s), values, np.full(len(times_s), 0.05))
    assert energy(slow, 1.0, 4.0).half_width_j > energy(quick, 1.0, 4.0).half_width_j + 1.0


@pytest.mark.parametrize("readings", [0, 1])
def test_too_few_readings_are_unknown(readings: int) -> None:
    few = moments([1.0][:readings])
    assert CounterTrace(channel(), few, np.zeros(readings)).energy(ns(0), ns(2)) is None


def test_window_outside_the_readings_is_unknown() -> None:
    followed = counted(np.arange(1.0, 5.0, 0.1), [100.0], 10.0)
    assert followed.energy(ns(6), ns(7)) is None
    assert followed.energy(ns(0), ns(0.5)) is None
    assert followed.energy(ns(3), ns(2)) is None


def test_window_that_reaches_past_the_readings_is_bounded_by_the_device() -> None:
    followed = counted(np.arange(0.0, 5.01, 0.1), [100.0], 10.0, max_power_w=300.0)
    found = energy(followed, 1.0, 9.0)
    assert found.value_j == pytest.approx(800.0, rel=0.01)
    assert found.low_j == pytest.approx(400.0, rel=0.01)
    assert found.high_j == pytest.approx(400.0 + 4 * 300.0, rel=0.01)


def reset_counter(hidden_j: float) -> CounterTrace:
    """100 W, with a second in which the counter showed nothing."""
    times_s = np.concatenate((np.arange(0.0, 4.01, 0.1), np.arange(5.0, 9.01, 0.1)))
    values = 100.0 * np.where(times_s < 4.5, times_s, times_s - 1.0)
    losses = [Loss(ns(4), ns(5), "the counter was reset", hidden_j)]
    return CounterTrace(channel(max_power_w=300.0), moments(times_s), values, None, losses)


def test_reset_is_estimated_from_the_power_around_it_and_bounded() -> None:
    found = energy(reset_counter(300.0), 1.0, 8.0)
    assert found.value_j == pytest.approx(700.0, rel=0.01)
    assert found.low_j == pytest.approx(600.0, rel=0.01)
    assert found.high_j == pytest.approx(900.0, rel=0.01)


def test_window_beside_a_loss_does_not_carry_it() -> None:
    found = energy(reset_counter(300.0), 5.5, 8.5)
    assert found.value_j == pytest.approx(300.0, rel=0.01)
    assert found.high_j < 305.0


def test_parts_of_a_loss_add_up() -> None:
    followed = reset_counter(300.0)
    halves = energy(followed, 1.0, 4.5).value_j + energy(followed, 4.5, 8.0).value_j
    assert halves == pytest.approx(energy(followed, 1.0, 8.0).value_j)


def test_wrap_that_may_be_hidden_widens_without_being_added() -> None:
    times_s = np.concatenate((np.arange(0.0, 4.01, 0.1), np.arange(6.0, 9.01, 0.1)))
    losses = [Loss(ns(4), ns(6), "the counter may have wrapped unseen", 500.0)]
    followed = CounterTrace(channel(), moments(times_s), 100.0 * times_s, None, losses)
    found = energy(followed, 1.0, 8.0)
    assert found.value_j == pytest.approx(700.0, rel=0.01)
    assert found.high_j == pytest.approx(1200.0, rel=0.01)


# Gauges


def shown(times_s: NDArray[np.float64], powers_w: NDArray[np.float64], **more: Any) -> GaugeTrace:
    described = channel(Kind.GAUGE, **{"refresh_s": 0.1, "resolution": 0.001, **more})
    losses = more.pop("losses", ())
    return GaugeTrace(described, moments(times_s), powers_w, None, losses)


def test_constant_gauge_is_power_times_time() -> None:
    gauge = shown(np.arange(0.0, 10.0, 0.1), np.full(100, 250.0), window_s=0.1)
    found = energy(gauge, 1.0, 9.0)
    assert found.value_j == pytest.approx(2000.0)
    assert found.half_width_j < 1e-3 * found.value_j


def test_steady_gauge_that_looks_part_of_the_time_is_bounded_by_the_device() -> None:
    """It saw a quarter of 2000 J; in the rest there can have been anything up to 400 W."""
    more = {"window_s": 0.025, "max_power_w": 400.0}
    found = energy(shown(np.arange(0.0, 12.0, 0.1), np.full(120, 250.0), **more), 1.0, 9.0)
    assert found.value_j == pytest.approx(2000.0)
    assert found.low_j == pytest.approx(500.0, abs=1)
    assert found.high_j == pytest.approx(500.0 + 0.75 * 8 * 400.0, abs=1)


def test_slow_jumps_of_a_gauge_that_looks_part_of_the_time_are_resolved() -> None:
    times_s = np.arange(0.0, 40.0, 0.1)
    powers_w = np.where(times_s % 4.0 < 2.0, 250.0, 50.0)
    found = energy(shown(times_s, powers_w, window_s=0.025, max_power_w=400.0), 10.0, 30.0)
    assert found.value_j == pytest.approx(3000.0, rel=0.01)
    assert found.half_width_j < 0.04 * found.value_j


def test_jumps_faster_than_the_updates_are_not_resolved() -> None:
    times_s = np.arange(0.0, 40.0, 0.1)
    powers_w = np.where(np.arange(400) % 4 < 2, 250.0, 50.0)
    found = energy(shown(times_s, powers_w, window_s=0.025, max_power_w=400.0), 10.0, 30.0)
    assert found.half_width_j > 0.5 * found.value_j


def test_ramp_is_integrated_as_a_ramp() -> None:
    times_s = np.arange(0.0, 10.0, 0.1)
    found = energy(shown(times_s, 10.0 * times_s), 2.0, 8.0)
    assert found.low_j <= 300.0 <= found.high_j
    assert found.value_j == pytest.approx(300.0, rel=0.01)


def test_gauge_read_faster_than_it_refreshes_lies_around_the_truth() -> None:
    hundredths = np.arange(2000, dtype=np.float64)
    times_s, refreshed_s = hundredths * 0.01, hundredths // 10 * 0.1
    found = energy(shown(times_s, 200 + 100 * np.sin(refreshed_s)), 3.0, 17.0)
    true_j = 200 * 14 + 100 * (math.cos(3) - math.cos(17))
    assert found.low_j <= true_j <= found.high_j
    assert found.value_j == pytest.approx(true_j, rel=0.005)


def test_average_is_dated_at_the_middle_of_its_window() -> None:
    times_s = np.arange(1.0, 20.0, 0.1)
    averages_w = 10.0 * (times_s - 0.5)
    found = energy(shown(times_s, averages_w, window_s=1.0), 5.0, 15.0)
    assert found.value_j == pytest.approx(1000.0, rel=0.01)


def test_gap_of_a_gauge_is_bounded_by_zero_and_the_device() -> None:
    times_s = np.concatenate((np.arange(0.0, 4.0, 0.1), np.arange(6.0, 10.0, 0.1)))
    described = channel(Kind.GAUGE, refresh_s=0.1, window_s=0.1, max_power_w=300.0)
    losses = [Loss(ns(4), ns(6), "not readable", math.inf)]
    gauge = GaugeTrace(described, moments(times_s), np.full(80, 100.0), None, losses)
    found = energy(gauge, 1.0, 9.0)
    assert found.value_j == pytest.approx(800.0)
    assert found.low_j == pytest.approx(600.0, abs=2)
    assert found.high_j == pytest.approx(1200.0, abs=2)


def test_gauge_never_read_in_the_window_is_unknown() -> None:
    gauge = shown(np.arange(0.0, 4.0, 0.1), np.full(40, 100.0))
    assert gauge.energy(ns(5), ns(6)) is None


def test_parts_of_a_gauge_add_up() -> None:
    times_s = np.arange(0.0, 10.0, 0.1)
    gauge = shown(times_s, 100 + 50 * np.sin(times_s))
    halves = energy(gauge, 1.0, 4.56).value_j + energy(gauge, 4.56, 9.0).value_j
    assert halves == pytest.approx(energy(gauge, 1.0, 9.0).value_j)


# What channels state of themselves


def test_estimate_is_as_wide_as_its_factor() -> None:
    followed = counted(np.arange(0, 10, 0.1), [100.0], 10.0, estimate_factor=2.0)
    found = energy(followed, 1.0, 9.0)
    assert found.low_j == pytest.approx(400.0, rel=0.01)
    assert found.high_j == pytest.approx(1600.0, rel=0.01)


def test_gain_error_stands_apart_from_the_interval() -> None:
    followed = counted(np.arange(0, 10, 0.1), [100.0], 10.0, gain_error_fraction=0.05)
    found = energy(followed, 1.0, 9.0)
    assert found.systematic_j == pytest.approx(40.0, rel=0.01)
    assert found.half_width_j < 5.0


def test_kind_decides_the_arithmetic() -> None:
    times, values = moments([0.0, 1.0]), np.array([5.0, 5.0])
    assert isinstance(trace(channel(), times, values), CounterTrace)
    assert isinstance(trace(channel(Kind.GAUGE), times, values), GaugeTrace)
