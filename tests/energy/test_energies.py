"""Energies in columns are what each window's energy is by itself."""

from typing import Any

import numpy as np
import pytest

from effmeter.channel import Calibration, Channel, Component, Kind, Provenance
from effmeter.energy import Energy, total
from effmeter.energy.energies import (
    Energies,
    channel_energies,
    instead,
    placed,
    summed,
    unknown_energies,
    with_least_factor,
)
from effmeter.energy.estimate_in_place import with_estimate_factor
from effmeter.energy.source import channel_energy
from effmeter.energy.widened import holding_both

DURATIONS_S, VALUES_J = np.array([1.0, 2.0, 3.0]), np.array([0.0, 10.0, 20.0])
LOWS_J, HIGHS_J = np.array([0.0, 9.0, 12.0]), np.array([1.0, 12.0, 21.0])


def channel(name: str = "gpu0", **more: Any) -> Channel:
    described: dict[str, Any] = {"resolution": 1.0, "gain_error_fraction": 0.05, **more}
    measured = Provenance.MEASURED
    return Channel(name, Component.GPU, Kind.GAUGE, measured, "a test", 0.1, **described)


def columns(of: Channel) -> Energies:
    return channel_energies(of, DURATIONS_S, VALUES_J, LOWS_J, HIGHS_J, "host")


def alone(of: Channel) -> list[Energy]:
    windows = zip(DURATIONS_S, VALUES_J, LOWS_J, HIGHS_J, strict=True)
    return [channel_energy(of, *window, "host") for window in windows]


def each(energies: Energies) -> list[Energy | None]:
    return [energies.at(place) for place in range(len(energies))]


CALIBRATION = Calibration(1.1, 2.0, 0.01, 0.5, "a meter", "2026")
CHANNELS = {
    "plain": channel(),
    "noisy": channel(noise_fraction=0.02, offset_error_w=1.0),
    "calibrated": channel(calibration=CALIBRATION),
    "unknown gain": channel(gain_error_fraction=0.0, is_gain_unknown=True),
    "an estimate": channel(estimate_factor=1.5),
}


@pytest.mark.parametrize("of", CHANNELS.values(), ids=CHANNELS)
def test_the_energies_of_windows_are_those_of_each(of: Channel) -> None:
    assert each(columns(of)) == alone(of)


@pytest.mark.parametrize("of", CHANNELS.values(), ids=CHANNELS)
def test_sums_are_those_of_each(of: Channel) -> None:
    other = channel("cpu0", noise_fraction=0.1)
    expected = [total(pair) for pair in zip(alone(of), alone(other), strict=True)]
    assert each(summed([columns(of), columns(other)])) == expected


def test_a_sum_is_unknown_where_one_of_its_terms_is() -> None:
    some = placed(columns(channel()), np.array([0, 2, 3]), 4)
    assert [energy is None for energy in each(some)] == [False, True, False, False]
    assert each(summed([some, unknown_energies(4)])) == [None] * 4


def test_others_take_the_place_of_some() -> None:
    estimated = placed(columns(CHANNELS["an estimate"]), np.array([0, 1, 2]), 3)
    mixed = instead(columns(CHANNELS["plain"]), np.array([2, 0, 1]), estimated)
    plain, estimates = alone(CHANNELS["plain"]), alone(CHANNELS["an estimate"])
    assert each(mixed) == [estimates[1], estimates[2], estimates[0]]
    assert each(instead(columns(CHANNELS["plain"]), np.zeros(0, int), unknown_energies(0))) == plain


def test_intervals_hold_both_sensors_where_the_second_is_known() -> None:
    one, other = CHANNELS["noisy"], CHANNELS["calibrated"]
    pairs = zip(alone(one), alone(other), strict=True)
    assert each(columns(one).holding(columns(other))) == [holding_both(a, b) for a, b in pairs]
    assert each(columns(one).holding(unknown_energies(3))) == alone(one)


def test_an_estimate_is_off_by_the_larger_factor() -> None:
    estimate = CHANNELS["an estimate"]
    for factor in (1.2, 2.5):
        found = each(with_least_factor(columns(estimate), factor))
        for energy, expected in zip(found, alone(estimate), strict=True):
            wide = with_estimate_factor(expected, factor)
            assert energy is not None
            ends = (energy.low_j, energy.high_j)
            assert ends == pytest.approx((wide.low_j, wide.high_j), abs=1e-12)
            assert energy.estimates == wide.estimates
