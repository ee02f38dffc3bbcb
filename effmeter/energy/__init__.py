"""From readings to joules with an interval: pure arithmetic over arrays.

A counter's energy is the difference of the counter between two boundaries, interpolated between
the moments at which it changed; a gauge's is the integral of its power. Each module's docstring
gives the derivation.

**Where nothing was read.** A counter that goes on has counted through a gap. Where it was reset,
where a gauge has a gap, and before the first and after the last reading, the energy is estimated
from the power nearby and bounded by zero and by what the device can have used: its limit, or
``POWER_HEADROOM`` times the highest power seen.

A sensor's gain and offset errors are kept apart as systematic: they do not shrink by averaging.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from effmeter.channel import Channel, Kind
from effmeter.energy.counter import Loss
from effmeter.energy.source import POWER_HEADROOM
from effmeter.energy.totals import total
from effmeter.energy.value import Energy, EnergyRatio

if TYPE_CHECKING:
    from effmeter.energy.energies import Energies
    from effmeter.energy.part_time import Times, Values
    from effmeter.energy.shape import Shape

__all__ = ["POWER_HEADROOM", "Energy", "EnergyRatio", "Trace", "total", "trace"]


class Trace(Protocol):
    """All readings of one channel of one run."""

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy used between two moments; None where no reading lets it be known."""

    def energies(self, begins_ns: "Times", ends_ns: "Times") -> "Energies":
        """The energies of many windows (n,)."""


def trace(
    channel: Channel,
    times_ns: "Times",
    values: "Values",
    read_s: "Values | None" = None,
    losses: Sequence[Loss] = (),
    host: str = "",
    shape: "Shape | None" = None,
) -> Trace:
    """The arithmetic that fits a channel.

    Args:
        channel: Its description.
        times_ns: (n,) ascending.
        values: (n,) joules since the start, or watts.
        read_s: (n,) how long each reading took; None where that does not matter.
        losses: Where the readings hide energy.
        host: The machine; errors of another machine's sensors are separate sources.
        shape: Of a counter, the course of the power between its readings, where it is known.
    """
    # NumPy loads only here: a tracked program handles energies, never traces.
    from effmeter.energy.counter_trace import CounterTrace
    from effmeter.energy.gauge_trace import GaugeTrace
    from effmeter.energy.shape import polled_ns
    from effmeter.energy.shaped_trace import ShapedTrace

    if channel.kind is Kind.COUNTER:
        counter = CounterTrace(channel, times_ns, values, read_s, losses, host)
        if shape is None:
            return counter
        return ShapedTrace(channel, counter, shape, losses, host)
    times_ns = polled_ns(channel, times_ns)
    return GaugeTrace(channel, times_ns, values, read_s, losses, host)
