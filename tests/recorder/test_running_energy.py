"""One channel's energy since a recording began, and what it had shown at moments of it."""

import pytest

from effmeter.channel import Channel
from effmeter.recorder.running_energy import HISTORY_LENGTH, RunningEnergy
from effmeter.recorder.sampling.ingest import Sample
from tests.runfile.writing import at, counter, gauge

CPU, GPU = counter(), gauge(max_power_w=None)


def running(channel: Channel, until_s: float, power_w: float = 50.0) -> RunningEnergy:
    followed = RunningEnergy(channel, at(0))
    for step in range(round(until_s * 10) + 1):
        is_gauge = channel.kind == "gauge"
        energy_j, shown_w = (None, power_w) if is_gauge else (power_w * step * 0.1, None)
        followed.take(Sample(channel.name, at(step * 0.1), energy_j, shown_w, None))
    return followed


@pytest.mark.parametrize("channel", [CPU, GPU], ids=["counter", "gauge"])
def test_energy_of_a_stretch_is_the_difference_of_what_had_passed(channel: Channel) -> None:
    followed = running(channel, 10.0)
    energy = followed.energy(followed.at(at(2.05)), followed.at(at(7.5)), 0.0)
    assert energy.value_j == pytest.approx(5.45 * 50.0)
    assert energy.low_j < energy.value_j < energy.high_j
    assert followed.energy(followed.beginning(), followed.now(), 0.0).value_j == pytest.approx(500)


def test_moments_before_the_history_are_its_first_and_after_it_its_last() -> None:
    followed = running(CPU, 100.0)
    reach_s = 100.0 - HISTORY_LENGTH * 0.1
    assert followed.at(at(1.0)).value_j == pytest.approx(50.0 * (reach_s + 0.1))
    assert followed.at(at(200.0)) == followed.now()


def test_gap_hides_what_the_device_can_draw_or_twice_what_it_drew() -> None:
    assert running(CPU, 1.0).guess_j(2.0) == pytest.approx(2 * 500.0)
    assert running(GPU, 1.0).guess_j(2.0) == pytest.approx(2 * 2 * 50.0)


def test_gauge_is_known_from_its_second_reading_on() -> None:
    assert [running(CPU, 0).is_known, running(GPU, 0).is_known] == [True, False]
    assert running(GPU, 0.1).is_known


def test_zero_of_a_counter_that_was_not_refreshed_yet_is_no_zero() -> None:
    slow = counter(refresh_s=0.1, max_power_w=300.0)
    followed = RunningEnergy(slow, at(0))

    def high_j(time_s: float, counted_j: float) -> float:
        followed.take(Sample(slow.name, at(time_s), counted_j, None, None))
        return followed.energy(followed.beginning(), followed.now(), 0.0).high_j

    assert high_j(0.05, 0.0) == pytest.approx(300.0 * 0.1, abs=1e-3)
    assert high_j(0.11, 2.0) == pytest.approx(2.0 + 2 * 2.0 / 0.11 * 0.1, abs=1e-3)
    resting = running(counter(refresh_s=0.001), 1.0, power_w=0.0)
    rested = resting.energy(resting.beginning(), resting.now(), 0.0)
    assert rested.high_j == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(("begin_s", "end_s"), [(1.85, 1.95), (1.5, 2.0), (1.9, 2.0)])
def test_power_samples_that_ran_ahead_of_the_counter_make_no_negative_energy(
    begin_s: float, end_s: float
) -> None:
    followed = RunningEnergy(counter(refresh_s=0.1), at(0))
    for time_s, energy_j in ((0.0, 0.0), (1.0, 100.0)):
        followed.take(Sample("cpu0", at(time_s), energy_j, None, None))
    for step in range(1, 10):
        followed.follow(at(1 + step * 0.1), 300.0)
    followed.take(Sample("cpu0", at(2.0), 150.0, None, None))
    energy = followed.energy(followed.at(at(begin_s)), followed.at(at(end_s)), 0.0)
    assert 0 <= energy.low_j <= energy.value_j <= energy.high_j
    assert energy.high_j >= (end_s - begin_s) * 50.0
