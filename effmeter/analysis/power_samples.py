"""The published convention in place of energy: the sum of power samples (W).

Cueto-Mendoza and Kelleher sum what power gauges showed. Such a sum grows with the sampling rate
and compares only with sums taken at the same rate. It is given here for comparison with their
tables; written into an ``Energy`` it is the joules that would be, did each sample stand for one
second. It has no interval.

A gauge gives its readings. A counter shows no power: its mean power in the window stands for
each of its readings there, which has the sum that a gauge read at the same moments would have.
"""

import math

from effmeter.channel import Kind
from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.recorded.run import RecordedRun

RATE_WARNING = (
    "power samples in place of energy: these sums grow with the sampling rate, and compare only "
    "with sums taken at the same rate"
)


def power_samples_over(run: RecordedRun, cover: Cover, begin_ns: int, end_ns: int) -> Energy | None:
    """The sum of power samples of a window over a cover; None where a channel has none.

    An ``Energy`` whose value is in watts and whose bounds are NaN.
    """
    sums = [_samples_of(run, channel.name, begin_ns, end_ns) for channel in cover.channels]
    known = [summed_w for summed_w in sums if summed_w is not None]
    if not known or len(known) < len(sums):
        return None
    return Energy(math.fsum(known), math.nan, math.nan)


def _samples_of(run: RecordedRun, channel: str, begin_ns: int, end_ns: int) -> float | None:
    samples = run.samples(channel)
    if samples is None:
        return None
    inside = (samples.times_ns > begin_ns) & (samples.times_ns <= end_ns)
    if run.channels[channel].kind is Kind.GAUGE:
        return float(samples.values[inside].sum()) if inside.any() else None
    energy = run.channel_energy(channel, begin_ns, end_ns)
    if energy is None or not inside.any():
        return None
    return energy.value_j / ((end_ns - begin_ns) * 1e-9) * int(inside.sum())
