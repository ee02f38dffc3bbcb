"""What readings tell of the power that a gauge averages over only part of its period."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from effmeter.channel import Provenance
from effmeter.energy.part_time import MEAN_FRACTION, Glimpses, looks_part_time
from tests.runfile.writing import counter, gauge

LOW_W, HIGH_W = 100.0, 300.0


def glimpses(power_w: Sequence[float], period_s: float = 0.1) -> Glimpses:
    moments_ns = np.arange(len(power_w)) * period_s * 1e9
    return Glimpses(moments_ns.astype(np.float64), np.asarray(power_w, np.float64))


def levels(readings: int, count: int = 6) -> list[float]:
    """Power that jumps between two levels, each of so many readings."""
    return [LOW_W if n % 2 == 0 else HIGH_W for n in range(count) for _ in range(readings)]


def swings(readings: float, count: float = 4) -> list[float]:
    """Smooth swings between the two levels, each of so many readings."""
    turns = np.arange(round(readings * count)) / readings
    return list((LOW_W + HIGH_W) / 2 - (HIGH_W - LOW_W) / 2 * np.cos(2 * np.pi * turns))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"window_s": 0.025}, True),
        ({"window_s": 0.1}, False),
        ({"window_s": 0.025, "provenance": Provenance.ESTIMATED}, False),
    ],
)
def test_a_gauge_that_averages_over_less_than_its_period_looks_part_time(
    changes: dict[str, Any], expected: bool
) -> None:
    assert looks_part_time(gauge(**changes)) is expected


def test_no_counter_looks_part_time() -> None:
    assert not looks_part_time(counter(refresh_s=0.1))


@pytest.mark.parametrize("power_w", [[], [200.0] * 40, [200.0, 190.0] * 20])
def test_steady_readings_are_no_evidence_of_anything(power_w: list[float]) -> None:
    steady = glimpses(power_w)
    assert steady.is_steady
    assert steady.resolved() == []
    assert steady.mean_of_swings_w() is None


def test_between_jumps_to_levels_that_last_the_power_is_resolved() -> None:
    found = np.asarray(glimpses(levels(10)).resolved()) * 1e-9
    assert found == pytest.approx(
        np.asarray([(0.95, 1.95), (1.95, 2.95), (2.95, 3.95), (3.95, 4.95)])
    )


def test_jumps_that_follow_too_soon_may_be_a_beat() -> None:
    assert glimpses(levels(4, count=12)).resolved() == []


def test_levels_that_last_longer_than_the_readings_looked_at_are_not_resolved() -> None:
    assert glimpses(levels(12), period_s=1.0).resolved() == []


def test_one_crossing_that_is_no_jump_leaves_all_of_them_unresolved() -> None:
    ramp = list(np.linspace(HIGH_W, LOW_W, 12))
    assert glimpses([*levels(12, count=4), *ramp, *levels(12, count=2)]).resolved() == []


def test_smooth_swings_are_not_resolved_but_their_mean_is_known() -> None:
    smooth = glimpses(swings(20))
    assert smooth.resolved() == []
    mean_w = smooth.mean_of_swings_w()
    assert mean_w == pytest.approx((LOW_W + HIGH_W) / 2, rel=MEAN_FRACTION)


@pytest.mark.parametrize(
    "power_w",
    [swings(8, count=8), swings(20, count=1), levels(10), list(np.linspace(LOW_W, HIGH_W, 40))],
    ids=["too fast", "only one", "jumps", "a ramp"],
)
def test_without_several_slow_smooth_swings_their_mean_is_unknown(power_w: list[float]) -> None:
    assert glimpses(power_w).mean_of_swings_w() is None
