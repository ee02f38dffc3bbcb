"""A sensor of known gain, offset and lag beside a reference: the fit finds them, or refuses."""

import numpy as np
import pytest

from effmeter.channel import Channel
from effmeter.energy.alignment import align
from effmeter.energy.calibrating import fit_calibration
from effmeter.energy.curve import Curve
from effmeter.energy.line_fit import fit_line
from effmeter.errors import MeasurementError
from tests.runfile.writing import counter, gauge

GAIN, OFFSET_W = 1.08, 6.0
"""What turns the sensor's figure into the truth."""
GAUGE = gauge("gpu0-power", refresh_s=0.1, window_s=0.1)
UNEVEN_S = (8.0, 5.0, 11.0, 3.0, 6.0, 9.0, 4.0, 7.0)


def load(levels_w: tuple[float, ...] = (60.0, 300.0), step_s: float = 0.01) -> Curve:
    """Stretches of uneven length at levels by turns."""
    powers_w = np.concatenate(
        [
            np.full(round(lasts_s / step_s), levels_w[n % len(levels_w)])
            for n, lasts_s in enumerate(UNEVEN_S)
        ]
    )
    times_s = np.linspace(0, (len(powers_w) - 1) * step_s, len(powers_w))
    return Curve.of_power(times_s, powers_w)


def shown(truth: Curve, channel: Channel = GAUGE, noise: float = 0.002) -> Curve:
    """What a sensor shows of a load: its own line, averaged over its window, with noise."""
    random = np.random.default_rng(3)
    updates_s = np.arange(truth.times_s[0] + channel.window_s, truth.times_s[-1], 0.1)
    mean_w = truth.mean_w(updates_s - channel.window_s, channel.window_s)
    values_w = (mean_w - OFFSET_W) / GAIN * (1 + noise * random.standard_normal(len(updates_s)))
    return Curve.of_channel(channel, np.round(updates_s * 1e9).astype(np.int64), values_w)


@pytest.mark.parametrize("window_s", [0.1, 1.0])
@pytest.mark.parametrize("late_s", [0.0, 3.7, -12.4])
def test_gain_offset_and_shift_of_the_clock_are_found(window_s: float, late_s: float) -> None:
    truth = load()
    channel = gauge("gpu0-power", refresh_s=0.1, window_s=window_s)
    found = fit_calibration(channel, shown(truth, channel), truth.shifted(-late_s), -20, 20)
    assert found.alignment.shift_s == pytest.approx(late_s, abs=0.1)
    assert abs(found.line.slope - GAIN) < max(found.line.slope_error, 1e-3)
    assert abs(found.line.intercept - OFFSET_W) < max(found.line.intercept_error, 0.2)
    assert found.line.slope_error < 0.02


def test_a_counter_is_calibrated_as_a_gauge_is() -> None:
    truth = load()
    passed_j = (truth.passed_j - OFFSET_W * truth.times_s) / GAIN
    times_ns = np.round(truth.times_s * 1e9).astype(np.int64)
    channel = counter("gpu0", refresh_s=0.1)
    found = fit_calibration(channel, Curve.of_channel(channel, times_ns, passed_j), truth, -1, 1)
    assert found.line.slope == pytest.approx(GAIN, abs=1e-4)
    assert found.line.intercept == pytest.approx(OFFSET_W, abs=0.05)


def test_a_load_that_hardly_varies_is_refused() -> None:
    steady = load((200.0, 210.0))
    with pytest.raises(MeasurementError, match="the load must vary: record idle and full load"):
        fit_calibration(GAUGE, shown(steady), steady, -1, 1)


def test_a_load_that_repeats_leaves_the_shift_open() -> None:
    times_s = np.arange(0.0, 60.0, 0.01)
    periodic = Curve.of_power(times_s, np.where(times_s % 4 < 2, 60.0, 300.0))
    with pytest.raises(MeasurementError, match="the load repeats"):
        fit_calibration(GAUGE, shown(periodic), periodic, -10, 10)
    assert fit_calibration(GAUGE, shown(periodic), periodic, -1, 1).line.slope == pytest.approx(
        GAIN, rel=0.01
    )


def test_a_reference_of_another_load_is_refused() -> None:
    backwards = load((300.0, 60.0, 180.0))
    with pytest.raises(MeasurementError, match="does not follow the channel"):
        fit_calibration(GAUGE, shown(load()), backwards, -1, 1)


def test_too_little_common_time_is_refused() -> None:
    truth = load()
    begun = Curve(truth.times_s[:150], truth.passed_j[:150])
    with pytest.raises(MeasurementError, match="too short"):
        fit_calibration(GAUGE, shown(begun), begun, -1, 1)
    part = (truth.times_s >= 6.0) & (truth.times_s <= 10.0)
    short = Curve(truth.times_s[part], truth.passed_j[part])
    with pytest.raises(MeasurementError, match=r"share 4\.0 s: record 5 s at least"):
        fit_calibration(GAUGE, shown(truth), short, 0, 0.2)


def test_a_shift_out_of_range_is_not_found() -> None:
    truth = load()
    with pytest.raises(MeasurementError, match=r"within \[-1.0, \+1.0\] s"):
        align(shown(truth), truth.shifted(-9.0), -1.0, 1.0, 0.2)


def test_windows_far_from_the_line_do_not_move_it() -> None:
    x = np.repeat([100.0, 300.0], 40) + np.tile(np.linspace(-1, 1, 40), 2)
    y = GAIN * x + OFFSET_W
    y[::10] += 80.0
    line = fit_line(x, y, 1.0)
    assert line.slope == pytest.approx(GAIN, abs=1e-3)
    assert line.intercept == pytest.approx(OFFSET_W, abs=0.2)


def test_the_stated_errors_hold_the_true_line_in_95_of_100_cases() -> None:
    random = np.random.default_rng(7)
    held = 0
    for _ in range(100):
        x = random.uniform(50, 400, 30)
        line = fit_line(x, GAIN * x + OFFSET_W + random.normal(0, 2, 30), 1.0)
        held += abs(line.slope - GAIN) <= line.slope_error
    assert held >= 92
