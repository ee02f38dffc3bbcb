"""The energy that a sensor has shown up to each moment, for comparing it with another."""

from dataclasses import dataclass

import numpy as np

from effmeter.channel import Channel, Kind
from effmeter.energy.part_time import Times, Values


@dataclass(frozen=True, slots=True)
class Curve:
    """Energy passed (J) at ascending times (s), from an arbitrary beginning."""

    times_s: Values
    passed_j: Values

    @classmethod
    def of_power(cls, times_s: Values, power_w: Values) -> "Curve":
        """The integral of power that is linear between its readings."""
        steps_j = np.diff(times_s) * (power_w[1:] + power_w[:-1]) / 2
        return cls(times_s, np.concatenate(([0.0], np.cumsum(steps_j))))

    @classmethod
    def of_channel(cls, channel: Channel, times_ns: Times, values: Values) -> "Curve":
        """What a channel's readings show; an average is dated at the middle of its window."""
        times_s = np.asarray(times_ns * 1e-9, np.float64)
        if channel.kind is Kind.COUNTER:
            return cls(times_s, values)
        return cls.of_power(times_s - channel.window_s / 2, values)

    def mean_w(self, begins_s: Values, length_s: float) -> Values:
        """The mean power in windows of one length (W)."""
        passed_j = np.interp([begins_s, begins_s + length_s], self.times_s, self.passed_j)
        return np.asarray((passed_j[1] - passed_j[0]) / length_s)

    def shifted(self, by_s: float) -> "Curve":
        """The same curve so much later."""
        return Curve(self.times_s + by_s, self.passed_j)
