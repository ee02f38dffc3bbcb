"""How far an estimate may be off in the place of a sensor."""

import pytest

from effmeter.channel import Provenance
from effmeter.cover import Cover, CoverStretch
from effmeter.energy import Energy
from effmeter.energy.estimate_in_place import (
    estimate_factor,
    factor_beside_sensors,
    with_estimate_factor,
)
from effmeter.energy.source import channel_energy
from tests.runfile.writing import counter

CPU = counter("cpu0")
ESTIMATE = counter("cpu-estimate", provenance=Provenance.ESTIMATED, estimate_factor=2.0)
S = 1_000_000_000


def beside(stops_s: float, powers_w: dict[str, float]) -> float:
    """The factor of an estimate that takes over after so many of ten seconds."""
    stretches = (
        CoverStretch(0, frozenset({"cpu0"})),
        CoverStretch(round(stops_s * S), frozenset({"cpu-estimate"})),
    )
    cover = Cover((CPU, ESTIMATE), (), (), stretches=stretches)

    def energy_of(name: str, begin_ns: int, end_ns: int) -> Energy | None:
        power_w = powers_w.get(name)
        return None if power_w is None else Energy.exactly(power_w * (end_ns - begin_ns) / S)

    return factor_beside_sensors(cover, "cpu-estimate", (0, 10 * S), energy_of)


def test_factor_is_what_the_sensor_showed_beside_the_estimate() -> None:
    assert beside(4.0, {"cpu0": 70.0, "cpu-estimate": 10.0}) == pytest.approx(7 * 1.5)


def test_nothing_is_said_where_both_were_not_known_for_long_enough() -> None:
    assert beside(0.2, {"cpu0": 70.0, "cpu-estimate": 10.0}) == 1.0
    assert beside(4.0, {"cpu-estimate": 10.0}) == beside(4.0, {"cpu0": 70.0}) == 1.0


def test_estimate_may_be_off_by_more_than_it_was_beside_a_sensor() -> None:
    assert estimate_factor(10.0, 70.0) == pytest.approx(7 * 1.5)
    assert estimate_factor(70.0, 10.0) == pytest.approx(7 * 1.5)
    assert estimate_factor(0.0, 70.0) == estimate_factor(10.0, 0.0) == 1.0


def test_wider_factor_moves_the_interval_and_not_the_value() -> None:
    energy = channel_energy(ESTIMATE, 1.0, 60.0, 60.0, 60.0) + Energy(100.0, 99.0, 101.0)
    wider = with_estimate_factor(energy, 6.0)
    assert (wider.value_j, wider.low_j, wider.high_j) == pytest.approx((160.0, 109.0, 461.0))
    assert with_estimate_factor(energy, 1.5) == energy
