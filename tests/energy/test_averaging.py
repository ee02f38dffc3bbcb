"""What an average hides at boundaries holds the loads that the docstring names."""

import math

import numpy as np
import pytest

from effmeter.energy.averaging import FULL_SWING_S, Surroundings, hidden_j


def held_j(window_s: float, begin: tuple[float, float], end: tuple[float, float]) -> float:
    """Of one window; power and step (W) at its ends."""
    ends = (
        Surroundings(np.array([power_w]), np.array([step_w])) for power_w, step_w in (begin, end)
    )
    return float(hidden_j(window_s, *ends)[0])


def test_a_steady_gauge_without_a_window_hides_nothing() -> None:
    assert held_j(0.0, (300.0, 50.0), (300.0, 50.0)) == 0.0


def test_a_step_at_a_boundary_is_held() -> None:
    """The mean of the energies around a step of D watts is off by D W / 8."""
    window_s, step_w = 0.1, 200.0
    assert held_j(window_s, (0.0, 0.0), (0.0, step_w)) >= 0.95 * step_w * window_s / 8


@pytest.mark.parametrize("window_s", [FULL_SWING_S, 1.0])
def test_a_load_between_idle_and_full_power_is_held_in_95_of_100_windows(window_s: float) -> None:
    """A square wave of the window's own length, of which the average shows only the mean."""
    idle_w, full_w = 50.0, 250.0
    mean_w = (idle_w + full_w) / 2
    phases = np.linspace(0, 1, 200, endpoint=False)
    passed = np.where(phases < 0.5, full_w * phases, full_w / 2 + idle_w * (phases - 0.5))
    errors_j = window_s * (passed - mean_w * phases)
    centred_j = errors_j - errors_j.mean()
    apart_j = np.abs(centred_j[:, None] - centred_j[None, :])
    half_width_j = held_j(window_s, (mean_w, 0.0), (mean_w, 0.0))
    assert np.mean(apart_j <= half_width_j) >= 0.949


def test_a_shorter_window_hides_smaller_swings() -> None:
    half, whole = (held_j(s, (300.0, 0.0), (300.0, 0.0)) for s in (FULL_SWING_S / 2, FULL_SWING_S))
    assert half == pytest.approx(whole / 4)
    assert not math.isinf(whole)
