import numpy as np
import pytest

from tests.simulated.sensors import (
    SimulatedCounter,
    SimulatedGauge,
    SimulatedRecorder,
    at_ns,
    passed_j,
    record,
)
from tests.simulated.waveforms import Sine, Waveform, bursts, constant, ramp, square

WAVEFORMS = [
    constant(42.0),
    square(20.0, 80.0, 0.5, high_fraction=0.3),
    Sine(60.0, 25.0, 0.7),
    ramp(10.0, 90.0, 2.0),
    bursts(15.0, 300.0, (0.4, 0.1, 0.05, 0.2)),
]
TIMES_S = np.linspace(0.0, 7.3, 500)


@pytest.mark.parametrize("waveform", WAVEFORMS)
def test_many_energies_are_those_of_the_waveform(waveform: Waveform) -> None:
    expected_j = [waveform.energy_j(0.0, float(t)) for t in TIMES_S]
    assert passed_j(waveform, TIMES_S) == pytest.approx(expected_j, abs=1e-9)


def test_counter_shows_its_last_refresh_in_whole_units_and_wraps() -> None:
    counter = SimulatedCounter(0.02, unit_j=0.5, modulus=100)
    raw = counter.shown(constant(50.0), TIMES_S, np.random.default_rng(1))
    behind_j = 50.0 * TIMES_S - (raw + 50 * (np.cumsum(np.diff(raw, prepend=0) < 0) * 2)) * 0.5
    assert raw.min() >= 0
    assert raw.max() < 100
    assert behind_j.min() >= 0
    assert behind_j.max() <= 50.0 * 0.02 + 0.5


def test_jittered_refreshes_come_at_least_once_in_each_refresh_period() -> None:
    counter = SimulatedCounter(0.1, unit_j=1e-6, jitter_fraction=0.5)
    raw = counter.shown(constant(1.0), TIMES_S, np.random.default_rng(1))
    behind_s = TIMES_S - raw * 1e-6
    assert behind_s.max() <= 0.1 + 1e-6


def test_gauge_averages_over_its_window_only() -> None:
    """On for 25 ms of each 100 ms: a gauge in step with it shows anything from none to all."""
    gauge = SimulatedGauge(0.1, 0.025)
    wave = square(0.0, 100.0, 0.1, high_fraction=0.25)
    shown = [gauge.shown(wave, TIMES_S, np.random.default_rng(seed)) for seed in range(40)]
    assert all(np.ptp(powers_w) < 0.01 for powers_w in shown)
    assert max(p[0] for p in shown) > 75
    assert min(p[0] for p in shown) == 0


def test_recorder_reads_on_time_and_at_marks() -> None:
    marks_s = np.array([1.2345, 2.3456])
    times_s = SimulatedRecorder(0.1).times_s(0.0, 5.0, marks_s, np.random.default_rng(1))
    assert len(times_s) == 52
    for mark_s in marks_s:
        late_s = times_s[times_s >= mark_s][0] - mark_s
        assert 0 <= late_s <= 2e-4


def test_wrapping_counter_is_followed_as_a_recorder_does() -> None:
    random = np.random.default_rng(1)
    counter = SimulatedCounter(0.001, modulus=100_000, max_power_w=200.0)
    trace = record(counter, constant(50.0), np.arange(0.0, 20.0, 0.1), random)
    found = trace.energy(at_ns(1.0), at_ns(19.0))
    assert found is not None
    assert found.value_j == pytest.approx(900.0, rel=1e-3)
