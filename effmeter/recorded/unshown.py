"""The stretches of a channel whose energy its readings do not show, judged from the readings.

A counter that stands still hides what was used, and so does a gauge that was not read for longer
than its period explains, whether or not the recorder noticed. A counter that was not read has
counted on.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel, Kind
from effmeter.energy.counter import CounterLimits, Loss
from effmeter.energy.standstill import ENDLESS_NS, NOT_READ, StandstillRule, Stretch
from effmeter.recorded.records import Readings, Suspend

MAY_STAND_STILL = "the counter may stand still"
DOUBTFUL_REFRESHES = 3
"""A counter that has not moved for more refresh periods at its last reading may have stopped."""
NOTICED_UNREAD_NS = 1_000_000_000
"""Shorter stretches without readings are bounded; nothing takes the place of their channel."""


def unshown_losses(
    channel: Channel,
    times_ns: NDArray[np.int64],
    values: NDArray[np.float64],
    usual_s: float,
    standing: Sequence[Stretch],
    asleep_ns: Collection[int] = (),
) -> list[Loss]:
    """What a channel's readings do not show, in order.

    ``asleep_ns``: the readings after which the machine slept until the next.
    """
    if channel.kind is Kind.GAUGE:
        return _not_read(channel, times_ns, usual_s, asleep_ns)
    limits = CounterLimits.of(channel)
    first_ns, last_ns = int(times_ns[0]), int(times_ns[-1])
    clipped = ((max(s.begin_ns, first_ns), min(s.end_ns, last_ns), s.reason) for s in standing)
    losses = [Loss(b, e, why, limits.plausible_j(e - b)) for b, e, why in clipped if e > b]
    stopped = None if standing else _doubtful(channel, times_ns, values)
    if stopped is not None:
        losses.append(Loss(*stopped, MAY_STAND_STILL, limits.plausible_j(last_ns - stopped[0])))
    return losses


def with_sleep(
    times_ns: NDArray[np.int64],
    power_w: NDArray[np.float64],
    suspends: Iterable[Suspend],
    usual_s: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64], frozenset[int]]:
    """A gauge's readings with the power of a sleeping machine, zero, where it slept.

    Nothing is read while the machine sleeps, so it slept in the stretches between readings that
    are longer than the period of reading explains.

    Returns:
        The moments, the power, and the moments from which the machine slept until the next one.
    """
    elapsed_ns = np.diff(times_ns)
    after: list[int] = []
    asleep_at_ns: list[int] = []
    for suspend in suspends:
        inside = (times_ns[:-1] < suspend.end_ns) & (times_ns[1:] > suspend.begin_ns)
        holes = np.flatnonzero(inside & (elapsed_ns > usual_s * 1e9))
        left_ns = round(suspend.asleep_s * 1e9)
        for hole in sorted(map(int, holes), key=lambda i: -int(elapsed_ns[i])):
            slept_ns = min(left_ns, int(elapsed_ns[hole]))
            awake_ns = (int(elapsed_ns[hole]) - slept_ns) // 2
            asleep_at_ns += [int(times_ns[hole]) + awake_ns, int(times_ns[hole + 1]) - awake_ns]
            after += [hole + 1, hole + 1]
            left_ns -= slept_ns
    moments_ns = np.insert(times_ns, after, asleep_at_ns)
    powers_w = np.insert(power_w, after, np.zeros(len(after)))
    return moments_ns, powers_w, frozenset(asleep_at_ns[::2])


def with_unshown(losses: Sequence[Loss], unshown: Iterable[Loss]) -> list[Loss]:
    """All losses in order; what a recorder noted already counts once."""
    kept = sorted(losses, key=lambda loss: loss.begin_ns)
    begins_ns = [loss.begin_ns for loss in kept]
    ends_ns = list(accumulate((loss.end_ns for loss in kept), max))
    for loss in unshown:
        earlier = bisect_left(begins_ns, loss.end_ns)
        if not earlier or ends_ns[earlier - 1] <= loss.begin_ns:
            kept.append(loss)
    return sorted(kept, key=lambda loss: loss.begin_ns)


def show_nothing(
    readings: Readings, begins_ns: NDArray[np.int64], ends_ns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """In which windows (n,) the counter stands still throughout."""
    if not readings.standing:
        return np.zeros(len(begins_ns), np.bool_)
    standing = np.array([(s.begin_ns, s.end_ns) for s in readings.standing], np.int64)
    before = np.searchsorted(standing[:, 0], begins_ns, "right") - 1
    return np.asarray((before >= 0) & (ends_ns <= standing[np.maximum(before, 0), 1]))


def blind_stretches(readings: Readings) -> Iterator[tuple[int, int]]:
    """Where a channel shows nothing: it stands still, or was not read for long enough to matter."""
    for stretch in readings.standing:
        yield stretch.begin_ns, stretch.end_ns
    noticed_ns = max(NOTICED_UNREAD_NS, round(readings.usual_s * 1e9))
    yield -ENDLESS_NS, readings.begin_ns - noticed_ns
    yield readings.end_ns + noticed_ns, ENDLESS_NS
    for loss in readings.losses:
        if loss.hidden_j > 0 and loss.end_ns - loss.begin_ns > noticed_ns:
            yield loss.begin_ns, loss.end_ns


def _not_read(
    channel: Channel, times_ns: NDArray[np.int64], usual_s: float, asleep_ns: Collection[int]
) -> list[Loss]:
    limits = CounterLimits.of(channel)
    before = np.flatnonzero(np.diff(times_ns) > usual_s * 1e9)
    stretches = ((int(times_ns[i]), int(times_ns[i + 1])) for i in before)
    return [
        Loss(begin_ns, end_ns, NOT_READ, limits.plausible_j(end_ns - begin_ns))
        for begin_ns, end_ns in stretches
        if begin_ns not in asleep_ns
    ]


def _doubtful(
    channel: Channel, times_ns: NDArray[np.int64], energy_j: NDArray[np.float64]
) -> tuple[int, int] | None:
    """The end of the readings, where the counter has not moved for a few refresh periods."""
    rule = StandstillRule.of(channel)
    moves = np.flatnonzero(np.diff(energy_j))
    if rule is None or not len(moves):
        return None
    begin_ns, end_ns = int(times_ns[moves[-1] + 1]), int(times_ns[-1])
    quiet_s = (end_ns - begin_ns) * 1e-9
    is_late = quiet_s > DOUBTFUL_REFRESHES * rule.refresh_s
    has_drawn = rule.least_power_w * quiet_s > rule.resolution_j
    return (begin_ns, end_ns) if is_late and has_drawn else None
