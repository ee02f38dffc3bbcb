"""Energies follow the laws of their errors: by source, with sign, as narrow as what they share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.channel import Calibration, Channel
from effmeter.energy import Energy
from effmeter.energy.estimated_part import EstimatedPart
from effmeter.energy.source import channel_energy
from tests.runfile.writing import counter, gauge

GPU = counter("gpu0", gain_error_fraction=0.05)
CARD = counter("gpu1", gain_error_fraction=0.08, offset_error_w=20.0, noise_fraction=0.01)
CPU = gauge("cpu", provenance="estimated", estimate_factor=2.0)
RAM = gauge("ram", provenance="estimated", estimate_factor=3.0, gain_error_fraction=0.1)
CHANNELS = (GPU, CPU, RAM)

figures = st.floats(0.1, 1e4)
fractions = st.floats(-1.0, 1.0)


@dataclass(frozen=True)
class Window:
    """One channel's energy in one window, with what is true of it apart from gain and factor."""

    channel: Channel
    energy: Energy
    shown_j: float
    passed_j: float

    def true_j(self, gain: Mapping[str, float], factor: Mapping[str, float]) -> float:
        gain_j = self.shown_j * self.channel.gain_error_fraction * gain[self.channel.name]
        return self.passed_j * factor[self.channel.name] + gain_j


@st.composite
def windows(draw: st.DrawFn) -> Window:
    channel = draw(st.sampled_from(CHANNELS))
    value_j, below, above, where = (
        draw(figures),
        draw(st.floats(0, 1)),
        draw(figures),
        draw(fractions),
    )
    low_j, high_j = value_j * (1 - below), value_j + above
    passed_j = value_j + (where * above if where > 0 else where * below * value_j)
    return Window(channel, channel_energy(channel, 1.0, value_j, low_j, high_j), value_j, passed_j)


energies = windows().map(lambda window: window.energy)
gains = st.fixed_dictionaries({channel.name: fractions for channel in CHANNELS})
factors = st.fixed_dictionaries(
    {c.name: st.floats(1 / c.estimate_factor, c.estimate_factor) for c in CHANNELS}
)


@given(energies)
def test_an_energy_less_itself_is_zero_without_a_systematic_error(energy: Energy) -> None:
    nothing = energy - energy
    assert nothing.value_j == 0.0
    assert nothing.systematic_j == 0.0
    assert nothing.low_j <= 0.0 <= nothing.high_j


@given(energies, energies)
def test_what_was_added_and_taken_off_again_leaves_no_systematic_error(
    one: Energy, other: Energy
) -> None:
    left = (one + other) - other
    assert left.value_j == pytest.approx(one.value_j, abs=1e-6)
    assert left.systematic_j == pytest.approx(one.systematic_j, abs=1e-6)
    assert left.low_j <= one.low_j + 1e-6
    assert left.high_j >= one.high_j - 1e-6


@given(energies, energies, energies)
def test_sums_do_not_depend_on_the_order(one: Energy, other: Energy, third: Energy) -> None:
    sums = (one + other + third, third + (other + one))
    for name in ("value_j", "low_j", "high_j", "systematic_j", "half_width_j"):
        first, second = (getattr(found, name) for found in sums)
        assert first == pytest.approx(second, rel=1e-9, abs=1e-9)


@given(energies, st.floats(-100, 100).filter(lambda by: abs(by) > 1e-3))
def test_a_number_scales_the_value_and_every_error(energy: Energy, by: float) -> None:
    scaled = energy * by
    for found in (scaled, by * energy, energy / (1 / by)):
        assert found.value_j == pytest.approx(energy.value_j * by)
        assert found.half_width_j == pytest.approx(energy.half_width_j * abs(by))
        assert found.systematic_j == pytest.approx(energy.systematic_j * abs(by))
        assert found.low_j <= found.value_j <= found.high_j
    negated = -energy
    assert -negated == energy


@given(st.lists(st.tuples(windows(), st.floats(-3, 3)), min_size=1, max_size=6), gains, factors)
def test_a_weighted_sum_holds_the_truth(
    terms: list[tuple[Window, float]], gain: Mapping[str, float], factor: Mapping[str, float]
) -> None:
    summed, true_j, size_j = Energy.exactly(0.0), 0.0, 1.0
    for window, weight in terms:
        summed = summed + window.energy * weight
        true_j += window.true_j(gain, factor) * weight
        size_j += abs(weight) * window.energy.high_j
    slack_j = summed.systematic_j + 1e-9 * size_j
    assert summed.low_j - slack_j <= true_j <= summed.high_j + slack_j


@given(st.lists(windows(), min_size=1, max_size=3), st.lists(windows(), min_size=1), factors)
def test_a_ratio_holds_the_truth(
    over: list[Window], under: list[Window], factor: Mapping[str, float]
) -> None:
    exact = dict.fromkeys(factor, 0.0)
    sums = [sum((w.energy for w in part[1:]), part[0].energy) for part in (over, under)]
    truths_j = [sum(w.true_j(exact, factor) for w in part) for part in (over, under)]
    ratio = sums[0] / sums[1]
    if truths_j[1] > 0:
        true = truths_j[0] / truths_j[1]
        assert ratio.low <= true * (1 + 1e-9)
        assert true <= ratio.high * (1 + 1e-9)


@given(figures, figures)
def test_the_gain_of_one_sensor_cancels_in_a_ratio(one_j: float, other_j: float) -> None:
    one, other = (channel_energy(GPU, 1.0, j, 0.9 * j, 1.1 * j) for j in (one_j, other_j))
    ratio = one / other
    assert ratio.value == pytest.approx(one_j / other_j)
    assert ratio.systematic == pytest.approx(0.0, abs=1e-9 * ratio.value)


def test_gains_of_two_sensors_add_in_a_ratio() -> None:
    elsewhere = channel_energy(GPU, 1.0, 100.0, 100.0, 100.0, host="another")
    ratio = channel_energy(GPU, 1.0, 200.0, 190.0, 220.0, host="one") / elsewhere
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 1.9, 2.2)
    assert ratio.systematic == pytest.approx(2 * (0.05 + 0.05))


def test_the_difference_of_one_estimate_is_as_narrow_as_its_factor() -> None:
    one, other = (channel_energy(CPU, 1.0, j, j, j) for j in (100.0, 90.0))
    less = one - other
    assert (one.low_j, one.high_j) == (50.0, 200.0)
    assert (less.value_j, less.low_j, less.high_j) == (10.0, 5.0, 20.0)
    more = other - one
    assert (more.value_j, more.low_j, more.high_j) == (-10.0, -20.0, -5.0)


def test_a_factor_cancels_in_the_ratio_of_one_estimate() -> None:
    one, other = (channel_energy(CPU, 1.0, j, 0.9 * j, 1.1 * j) for j in (100.0, 50.0))
    ratio = one / other
    assert ratio.value == 2.0
    assert ratio.low == pytest.approx(90 / 55)
    assert ratio.high == pytest.approx(110 / 45)


def test_the_factors_of_two_estimates_do_not_cancel() -> None:
    one, other = (channel_energy(CPU, 1.0, 100.0, 100.0, 100.0, host) for host in ("a", "b"))
    less = one - other
    assert (less.low_j, less.high_j) == (-150.0, 150.0)
    ratio = one / other
    assert (ratio.low, ratio.high) == pytest.approx((0.25, 4.0))


def test_a_ratio_to_what_may_be_zero_has_no_bounds() -> None:
    ratio = Energy(1.0, 1.0, 1.0) / Energy(1.0, 0.0, 2.0)
    assert (ratio.value, ratio.low, ratio.high) == (1.0, -math.inf, math.inf)
    assert math.isnan((Energy(1.0, 1.0, 1.0) / Energy.exactly(0.0)).value)


def test_figures_are_plain_floats() -> None:
    energy = Energy(np.float64(2.0), np.float64(1.0), np.float64(3.0)) * np.float64(2.0)
    for figure in (energy.value_j, energy.low_j, energy.high_j, (energy / energy).value):
        assert type(figure) is float


def test_an_energy_prints_as_text_with_its_interval() -> None:
    assert str(Energy(169.2, 62.1, 464.0)) == "169 J [62, 464]"
    assert str(Energy(1234.0, 1200.0, 1260.0)) == "1.234 kJ [1.200, 1.260]"
    assert str(Energy(2e3, math.nan, math.nan)) == "2.00 kJ, interval not known"
    assert repr(Energy(2.0, 1.0, 3.0)) == "Energy(value_j=2.0, low_j=1.0, high_j=3.0)"
    assert repr(channel_energy(GPU, 1.0, 2.0, 1.0, 3.0)).endswith("high_j=3.0, systematic_j=0.1)")


def test_energies_are_equal_where_values_and_errors_are() -> None:
    one, other = (channel_energy(GPU, 1.0, 2.0, 1.0, 3.0) for _ in range(2))
    assert one == other
    assert one != Energy(2.0, 1.0, 3.0)
    assert len({one, other}) == 1
    assert len({Energy(2.0, 1.0, 3.0), Energy(2.0, 1.0, 3.1)}) == 2


def test_an_energy_that_cannot_be_negative_ends_at_zero() -> None:
    assert Energy(-1.0, -2.0, 3.0).not_below_zero() == Energy(0.0, 0.0, 3.0)


def test_a_ratio_of_energies_with_hundreds_of_estimates_is_bounded() -> None:
    parts = {f"estimate-{n}": EstimatedPart(1.0, 1.0, 1.0, 2.0) for n in range(300)}
    one = Energy(300.0, 150.0, 600.0, estimates=parts)
    ratio = one / one
    assert ratio.value == 1.0
    assert ratio.low <= 1.0 <= ratio.high


def test_an_offset_error_is_in_proportion_to_the_time() -> None:
    short, long = (channel_energy(CARD, s, 100.0 * s, 90.0 * s, 110.0 * s) for s in (1.0, 10.0))
    assert short.systematic_j == pytest.approx(8.0 + 20.0)
    assert long.systematic_j == pytest.approx(80.0 + 200.0)


def test_an_offset_error_cancels_between_equal_durations_and_a_gain_error_does_not() -> None:
    busy, idle = (channel_energy(CARD, 10.0, j, j, j) for j in (3000.0, 1000.0))
    assert (busy - idle).systematic_j == pytest.approx(0.08 * 2000.0)


def test_a_gain_error_cancels_between_equal_energies_and_an_offset_error_does_not() -> None:
    slow, fast = (channel_energy(CARD, s, 3000.0, 3000.0, 3000.0) for s in (15.0, 10.0))
    assert (slow - fast).systematic_j == pytest.approx(20.0 * 5.0)


@pytest.mark.parametrize("value_j", [1.0, 1e3, 1e6])
def test_noise_is_a_floor_of_the_interval(value_j: float) -> None:
    sure = channel_energy(CARD, 1.0, value_j, value_j, value_j)
    assert sure.half_width_j == pytest.approx(0.01 * value_j)


def test_noise_combines_with_each_side_of_the_interval() -> None:
    unsure = channel_energy(CARD, 1.0, 1000.0, 976.0, 1024.0)
    assert [unsure.low_j, unsure.high_j] == pytest.approx([974.0, 1026.0])
    lopsided = channel_energy(CARD, 1.0, 1000.0, 1000.0, 1024.0)
    assert [lopsided.low_j, lopsided.high_j] == pytest.approx([990.0, 1026.0])


def test_noise_gives_no_energy_below_zero() -> None:
    assert channel_energy(CARD, 1.0, 10.0, 0.0, 12.0).low_j == 0.0


def test_a_calibration_corrects_the_energy_and_its_interval() -> None:
    own = Calibration(1.1, -5.0, 0.011, 0.5, "meter.csv", "2026-01-02T03:04:05+00:00")
    shown = channel_energy(replace(CARD, noise_fraction=0.0), 10.0, 1000.0, 990.0, 1010.0)
    true = channel_energy(
        replace(CARD, noise_fraction=0.0).calibrated(own), 10.0, 1000.0, 990.0, 1010.0
    )
    assert [true.value_j, true.low_j, true.high_j] == pytest.approx([1050.0, 1039.0, 1061.0])
    assert true.systematic_j == pytest.approx(0.01 * 1050.0 + 0.5 * 10.0)
    assert shown.systematic_j == pytest.approx(0.08 * 1000.0 + 20.0 * 10.0)
