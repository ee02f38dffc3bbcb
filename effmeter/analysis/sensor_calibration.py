"""The calibration of one channel of a recorded run beside a reference."""

import math
from dataclasses import dataclass

from effmeter.channel import Calibration, Channel
from effmeter.energy.calibrating import CalibrationFit, fit_calibration
from effmeter.energy.curve import Curve
from effmeter.errors import MeasurementError
from effmeter.recorded.run import RecordedRun


@dataclass(frozen=True, slots=True)
class Reference:
    """What a channel is compared with, on the clock of the run as well as it is known (s)."""

    name: str
    curve: Curve
    earliest_s: float
    """The least shift of its clock."""
    latest_s: float
    gain_error_fraction: float
    offset_error_w: float = 0.0


def calibrate(
    run: RecordedRun, channel: Channel, reference: Reference, date: str
) -> tuple[Calibration, CalibrationFit]:
    """The calibration of a channel, and the fit that it rests on.

    Raises MeasurementError where the run does not tell them, or no better than the channel's
    stated error.
    """
    fit = fit_calibration(
        channel,
        shown_by(run, channel),
        reference.curve,
        reference.earliest_s,
        reference.latest_s,
    )
    line = fit.line
    gain_error = math.hypot(line.slope_error, line.slope * reference.gain_error_fraction)
    stated = channel.gain_error_fraction if channel.calibration is None else 0.0
    if stated and gain_error >= stated * line.slope:
        known = f"± {100 * gain_error / line.slope:.1f} %"
        raise MeasurementError(
            f"the gain is known to {known} only, no better than the ± {100 * stated:g} % stated "
            f"for {channel.name}: record longer stretches of steady load"
        )
    calibration = Calibration(
        gain=line.slope,
        offset_w=line.intercept,
        gain_error=gain_error,
        offset_error_w=line.intercept_error + reference.offset_error_w,
        reference=reference.name,
        date=date,
    )
    return calibration, fit


def shown_by(run: RecordedRun, channel: Channel) -> Curve:
    """What a channel showed in a run, before any calibration, by the run clock (s)."""
    samples = run.samples(channel.name)
    if samples is None or len(samples.times_ns) < 2:
        raise MeasurementError(f"{run.paths[0]} holds no readings of {channel.name}")
    return Curve.of_channel(channel, samples.times_ns, samples.values)


def reference_channel(run: RecordedRun, channel: Channel) -> Reference:
    """Another channel of the same run, by its own calibration where it has one."""
    curve = shown_by(run, channel)
    if channel.calibration is not None:
        own = channel.calibration
        since_s = curve.times_s - curve.times_s[0]
        curve = Curve(curve.times_s, own.gain * curve.passed_j + own.offset_w * since_s)
    # Both are read by one clock: only the lag of the sensors is open.
    lag_s = channel.refresh_s + channel.window_s + 1.0
    errors = (channel.gain_error_fraction, channel.offset_error_w)
    return Reference(f"{channel.name} of the same run", curve, -lag_s, lag_s, *errors)
