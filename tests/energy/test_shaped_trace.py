"""Energies from a counter and the stamped values of its course."""

import statistics
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from effmeter.channel import Channel
from effmeter.energy import trace
from effmeter.energy.counter import Loss
from effmeter.energy.counter_trace import CounterTrace
from effmeter.energy.shape import Shape
from effmeter.energy.shaped_trace import ShapedTrace
from tests.simulated.sensors import at_ns, passed_j
from tests.simulated.waveforms import Waveform, bursts, constant, square
from tests.traces.h200 import (
    COUNTER_CHANNEL,
    COUNTER_PERIOD_S,
    SAMPLE_CHANNEL,
    SAMPLES,
    Replay,
    joint_trace,
)

H200 = Replay(SAMPLES)
WAVES = [
    constant(300.0),
    square(100.0, 700.0, 0.137),
    square(100.0, 700.0, 1.3),
    bursts(60.0, 650.0, (0.35, 0.05, 0.2, 0.4)),
]


def counted(waveform: Waveform, until_s: float, begin_s: float = 0.0) -> CounterTrace:
    """A counter that refreshes each 100 ms, read seldom."""
    times_s = np.arange(begin_s + 0.03, until_s, COUNTER_PERIOD_S)
    shown_j = passed_j(waveform, np.floor(times_s / 0.1) * 0.1)
    times_ns = np.array([at_ns(t) for t in times_s], np.int64)
    return CounterTrace(COUNTER_CHANNEL, times_ns, shown_j - shown_j[0])


def course(
    waveform: Waveform, until_s: float, gain: float = 1.0, late_s: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Stamped values as the driver keeps them."""
    stamps_s = np.arange(0.5, until_s, 0.02)
    middles_s = stamps_s - 0.015
    averaged_j = passed_j(waveform, middles_s + 0.0125) - passed_j(waveform, middles_s - 0.0125)
    stamps_ns = np.array([at_ns(t + late_s) for t in stamps_s], np.int64)
    return stamps_ns, averaged_j / 0.025 * gain


def shaped(waveform: Waveform, until_s: float = 20.0, gain: float = 1.0) -> ShapedTrace:
    shape = Shape(SAMPLE_CHANNEL, *course(waveform, until_s, gain))
    return ShapedTrace(COUNTER_CHANNEL, counted(waveform, until_s), shape)


@pytest.mark.parametrize("waveform", WAVES)
@pytest.mark.parametrize("length_s", [0.05, 0.25, 1.0, 8.0])
def test_the_interval_holds_the_truth_and_is_narrower_than_the_counters(
    waveform: Waveform, length_s: float
) -> None:
    joint, counter = shaped(waveform), counted(waveform, 20.0)
    random = np.random.default_rng(1)
    held, widths, alone = 0, [], []
    for begin_s in random.uniform(2.0, 10.0, 60).tolist():
        true_j = waveform.energy_j(begin_s, begin_s + length_s)
        window_ns = at_ns(begin_s), at_ns(begin_s + length_s)
        found, without = joint.energy(*window_ns), counter.energy(*window_ns)
        assert found is not None
        assert without is not None
        held += found.low_j <= true_j <= found.high_j
        widths.append(found.half_width_j)
        alone.append(without.half_width_j)
    assert held >= 57
    assert statistics.median(widths) < 0.5 * statistics.median(alone)


def test_the_parts_of_a_window_add_up() -> None:
    joint = shaped(WAVES[2])
    moments_ns = [at_ns(t) for t in (-1.0, 0.2, 1.0, 3.33, 9.0, 19.9, 22.0)]
    parts = [joint.energy(a, b) for a, b in pairwise(moments_ns)]
    whole = joint.energy(moments_ns[0], moments_ns[-1])
    assert whole is not None
    assert sum(part.value_j for part in parts if part) == pytest.approx(whole.value_j, rel=1e-9)


@pytest.mark.parametrize("gain", [0.9, 1.05])
def test_where_the_values_disagree_with_the_counter_it_stands_alone(gain: float) -> None:
    joint, counter = shaped(WAVES[0], gain=gain), counted(WAVES[0], 20.0)
    window_ns = at_ns(9.0), at_ns(10.0)
    assert joint.energy(*window_ns) == counter.energy(*window_ns)


def test_where_there_are_no_values_the_counter_stands_alone() -> None:
    waveform = WAVES[2]
    stamps_ns, power_w = course(waveform, 20.0)
    kept = (stamps_ns < at_ns(8.0)) | (stamps_ns > at_ns(12.0))
    shape = Shape(SAMPLE_CHANNEL, stamps_ns[kept], power_w[kept])
    counter = counted(waveform, 20.0)
    joint = ShapedTrace(COUNTER_CHANNEL, counter, shape)
    inside_ns, across_ns = (at_ns(9.0), at_ns(10.0)), (at_ns(6.0), at_ns(14.0))
    assert joint.energy(*inside_ns) == counter.energy(*inside_ns)
    across = joint.energy(*across_ns)
    alone = counter.energy(*across_ns)
    assert across is not None
    assert alone is not None
    assert across.low_j <= waveform.energy_j(6.0, 14.0) <= across.high_j
    assert across.half_width_j < 0.5 * alone.half_width_j, "the counter bridges the hole"


def test_a_window_in_which_the_counter_was_reset_is_the_counters_own() -> None:
    waveform = WAVES[0]
    lost = Loss(at_ns(9.1), at_ns(9.3), "the counter was reset", 100.0)
    shape = Shape(SAMPLE_CHANNEL, *course(waveform, 20.0))
    counter = counted(waveform, 20.0)
    joint = ShapedTrace(COUNTER_CHANNEL, counter, shape, [lost])
    window_ns = at_ns(9.0), at_ns(10.0)
    assert joint.energy(*window_ns) == counter.energy(*window_ns)
    other_ns = at_ns(12.0), at_ns(13.0)
    assert joint.energy(*other_ns) != counter.energy(*other_ns)


def test_the_arithmetic_of_a_counter_with_a_course_is_the_joint_one() -> None:
    times_ns = np.array([at_ns(0.0), at_ns(1.0)], np.int64)
    values = np.array([0.0, 300.0])
    shape = Shape(SAMPLE_CHANNEL, *course(WAVES[0], 2.0))
    assert isinstance(trace(COUNTER_CHANNEL, times_ns, values, shape=shape), ShapedTrace)
    assert isinstance(trace(COUNTER_CHANNEL, times_ns, values), CounterTrace)


@pytest.mark.parametrize(
    "channel",
    [
        replace(SAMPLE_CHANNEL, lag_s=1e18),
        replace(SAMPLE_CHANNEL, window_s=1e18),
        replace(SAMPLE_CHANNEL, refresh_s=1e18),
    ],
)
def test_no_description_in_a_file_breaks_the_arithmetic(channel: Channel) -> None:
    values = course(WAVES[1], 20.0)
    joint = ShapedTrace(COUNTER_CHANNEL, counted(WAVES[1], 20.0), Shape(channel, *values))
    assert joint.energy(at_ns(9.0), at_ns(10.0)) is not None
    trace(channel, *values).energy(at_ns(9.0), at_ns(10.0))


def test_a_course_without_values_leaves_the_counter_alone() -> None:
    shape = Shape(SAMPLE_CHANNEL, np.zeros(0, np.int64), np.zeros(0))
    counter = counted(WAVES[0], 20.0)
    window_ns = at_ns(9.0), at_ns(10.0)
    alone = ShapedTrace(COUNTER_CHANNEL, counter, shape).energy(*window_ns)
    assert alone == counter.energy(*window_ns)


@pytest.mark.parametrize("waveform", WAVES)
def test_stamped_values_without_a_counter_are_dated_by_their_lag(waveform: Waveform) -> None:
    gauge = trace(SAMPLE_CHANNEL, *course(waveform, 20.0))
    for begin_s in np.arange(2.0, 15.0, 0.41).tolist():
        found = gauge.energy(at_ns(begin_s), at_ns(begin_s + 1.0))
        true_j = waveform.energy_j(begin_s, begin_s + 1.0)
        assert found is not None
        assert found.low_j <= true_j <= found.high_j
        assert found.value_j == pytest.approx(true_j, abs=6.0)


@pytest.mark.parametrize(("length_s", "widest"), [(0.25, 0.12), (1.0, 0.03)])
def test_on_an_h200_the_interval_holds_the_load_and_is_narrow(
    length_s: float, widest: float
) -> None:
    windows = [
        window
        for begin_s in (0.0, 0.25, 0.5)
        for window in H200.by_load(joint_trace(H200, begin_s=begin_s), length_s, count=50)
    ]
    assert statistics.mean(w.is_held for w in windows) >= 0.95
    assert statistics.median(w.half_width for w in windows) <= widest
    assert statistics.quantiles([w.error for w in windows], n=20)[-1] <= widest


@pytest.mark.parametrize("length_s", [0.25, 1.0])
@pytest.mark.parametrize("first", [0, 1])
def test_on_an_h200_every_second_value_gives_an_interval_that_holds_the_others(
    length_s: float, first: int
) -> None:
    measured, others = joint_trace(H200, first, step=2), H200.shape(1 - first, step=2)
    windows = list(H200.by_shape(measured, others, length_s, count=60))
    assert statistics.mean(w.is_held for w in windows) >= 0.95
