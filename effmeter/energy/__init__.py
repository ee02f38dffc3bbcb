"""From readings to joules with an interval: pure arithmetic over arrays.

A counter's energy is the difference of the counter between two boundaries, interpolated between
the moments at which it changed; a gauge's is the integral of its power. Each module tells how.

**Where nothing was read.** A counter that goes on has counted through a gap. Where it was reset,
where a gauge has a gap, and before the first and after the last reading, the energy is estimated
from the power nearby and bounded by zero and by what the device can have used: its limit, or
``POWER_HEADROOM`` times the highest power seen.

A sensor's stated gain error is kept apart as systematic: it does not shrink by averaging.
"""

from collections.abc import Sequence

from effmeter.counters import Loss
from effmeter.energy.counter_trace import CounterTrace
from effmeter.energy.gauge_trace import GaugeTrace
from effmeter.energy.glimpses import looks_part_time
from effmeter.energy.interval import POWER_HEADROOM, Energy, Times, Trace, Values, total
from effmeter.schema import Channel, Kind

__all__ = [
    "POWER_HEADROOM",
    "CounterTrace",
    "Energy",
    "GaugeTrace",
    "Times",
    "Trace",
    "Values",
    "looks_part_time",
    "total",
    "trace",
]


def trace(
    channel: Channel,
    times_ns: Times,
    values: Values,
    read_s: Values | None = None,
    losses: Sequence[Loss] = (),
) -> Trace:
    """The arithmetic that fits a channel.

    ``times_ns`` (n,) ascending; ``values`` (n,) joules since the start or watts; ``read_s`` (n,)
    how long each reading took, where that matters.
    """
    if channel.kind is Kind.COUNTER:
        return CounterTrace(channel, times_ns, values, read_s, losses)
    return GaugeTrace(channel, times_ns, values, read_s, losses)
