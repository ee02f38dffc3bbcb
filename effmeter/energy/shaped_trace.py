"""A counter's energy whose course between the readings stamped power values show.

The counter gives the total, the values give the shape. The energy passed at a moment is the
integral of the values plus an offset. Each reading of the counter bounds the offset: the energy
that it shows was passed at some moment between the earliest and the latest that the reading
allows. Between two moments the offset moves by at most ``AGREEMENT_FRACTION`` of the energy between
them. So every reading bounds it everywhere, the closer the tighter, and the bounds of all readings
intersect: readings that are spread over the refresh period leave far less of it than any one.

**Agreement.** Where the bounds contradict each other, the values' integral departs from the counter
by more than ``AGREEMENT_FRACTION``, and the counter stands alone, as where there are no values.
What was compared over less than ``AGREEMENT_S`` counts for less: the fraction grows in proportion.

Counter and values share the gain error of the counter.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from effmeter.channel import Channel
from effmeter.energy.counter import Loss
from effmeter.energy.counter_trace import CounterTrace
from effmeter.energy.energies import Energies, channel_energies, instead
from effmeter.energy.part_time import Times, Values
from effmeter.energy.shape import NOWHERE, Shape
from effmeter.energy.value import Energy

AGREEMENT_FRACTION = 0.01
AGREEMENT_S = 3.0
LATE_FRACTION = 0.15
"""How much later than its refresh period a counter may refresh: 110 ms of 100 were seen."""
UNSURE_S = 0.005
"""How far the dates of counter and values may differ besides."""


class _Passed(NamedTuple):
    """The energy passed at moments, since the counter's first reading (n,)."""

    value_j: Values
    low_j: Values
    high_j: Values
    shape_j: Values
    stretches: NDArray[np.intp]
    """``NOWHERE``: the counter stands alone there."""

    def at(self, chosen: NDArray[np.intp]) -> "_Passed":
        """What was passed at some of the moments."""
        return _Passed(
            self.value_j[chosen],
            self.low_j[chosen],
            self.high_j[chosen],
            self.shape_j[chosen],
            self.stretches[chosen],
        )


class _Offsets:
    """What the counter leaves open of the offset in one stretch of the shape."""

    def __init__(self, shape_j: Values, lows_j: Values, highs_j: Values, fraction: float) -> None:
        self.fraction = fraction
        self._shape_j = shape_j
        moved_j = fraction * shape_j
        accumulate = np.maximum.accumulate
        self._lows = (accumulate(lows_j + moved_j), accumulate((lows_j - moved_j)[::-1])[::-1])
        self._highs = (
            -accumulate(moved_j - highs_j),
            -accumulate((-highs_j - moved_j)[::-1])[::-1],
        )

    def at(self, shape_j: Values) -> tuple[Values, Values]:
        """The least and the most that the offset can be where the shape has passed so much."""
        count = len(self._shape_j)
        after = np.searchsorted(self._shape_j, shape_j, "right")
        before, later = np.maximum(after - 1, 0), np.minimum(after, count - 1)
        moved_j = self.fraction * shape_j
        has_before, has_later = after > 0, after < count
        low_j = np.maximum(
            np.where(has_before, self._lows[0][before] - moved_j, -np.inf),
            np.where(has_later, self._lows[1][later] + moved_j, -np.inf),
        )
        high_j = np.minimum(
            np.where(has_before, self._highs[0][before] + moved_j, np.inf),
            np.where(has_later, self._highs[1][later] - moved_j, np.inf),
        )
        return low_j, high_j


class ShapedTrace:
    """Energy from the readings of a counter and the stamped power values beside it."""

    def __init__(
        self,
        channel: Channel,
        counter: CounterTrace,
        shape: Shape,
        losses: Sequence[Loss] = (),
        host: str = "",
    ) -> None:
        self._channel = channel
        self._counter = counter
        self._shape = shape
        self._losses = tuple(loss for loss in losses if loss.hidden_j > 0)
        self._host = host

    def energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        """Energy between two moments; None if they lie wholly outside the counter's readings."""
        return self.energies(np.array([begin_ns]), np.array([end_ns])).at(0)

    def energies(self, begins_ns: Times, ends_ns: Times) -> Energies:
        """The energies of many windows (n,)."""
        alone = self._counter.energies(begins_ns, ends_ns)
        begin, end = self._at(begins_ns), self._at(ends_ns)
        is_shaped = (begin.stretches != NOWHERE) | (end.stretches != NOWHERE)
        is_shaped &= (ends_ns >= begins_ns) & ~self._is_lossy(begins_ns, ends_ns)
        chosen = np.flatnonzero(is_shaped)
        if not len(chosen):
            return alone
        windows = begins_ns[chosen], ends_ns[chosen]
        return instead(alone, chosen, self._shaped(*windows, begin.at(chosen), end.at(chosen)))

    def _shaped(self, begins_ns: Times, ends_ns: Times, begin: _Passed, end: _Passed) -> Energies:
        """The energies of windows with values around one of their ends, or both."""
        duration_s = np.asarray((ends_ns - begins_ns) * 1e-9, np.float64)
        value_j = end.value_j - begin.value_j
        counted_j = (value_j - end.low_j + begin.high_j, end.high_j - begin.low_j - value_j)
        edges_j = np.hypot(self._edge_j(begins_ns, begin), self._edge_j(ends_ns, end))
        is_one = (begin.stretches != NOWHERE) & (begin.stretches == end.stretches)
        shaped_j = end.shape_j - begin.shape_j
        agreed_j = self._agreed_j(begin.stretches, shaped_j, duration_s)
        sides_j = (agreed_j + value_j - shaped_j, agreed_j - value_j + shaped_j)
        dates_j = np.hypot(*self._dates_j(begins_ns, ends_ns))
        errors_j = np.hypot(edges_j, np.where(is_one, self._shape.unseen_j(begins_ns, ends_ns), 0))
        below_j, above_j = (
            np.hypot(
                np.where(
                    is_one,
                    np.minimum(counted, np.hypot(np.maximum(shaped, 0.0), dates_j)),
                    counted,
                ),
                errors_j,
            )
            for counted, shaped in zip(counted_j, sides_j, strict=True)
        )
        low_j, high_j = np.maximum(0.0, value_j - below_j), np.maximum(0.0, value_j + above_j)
        value_j = np.maximum(0.0, value_j)
        return channel_energies(self._channel, duration_s, value_j, low_j, high_j, self._host)

    def bounds(self, begin_ns: int, end_ns: int) -> Energy | None:
        """What the counter alone says, with an interval that no load can leave."""
        return self._counter.bounds(begin_ns, end_ns)

    def _is_lossy(self, begins_ns: Times, ends_ns: Times) -> NDArray[np.bool_]:
        """Which windows the counter does not bridge."""
        if not self._losses:
            return np.zeros(len(begins_ns), np.bool_)
        losses = sorted(self._losses, key=lambda loss: loss.begin_ns)
        lasting_ns = np.maximum.accumulate([loss.end_ns for loss in losses])
        begun = np.searchsorted([loss.begin_ns for loss in losses], ends_ns, "left")
        return np.asarray((begun > 0) & (lasting_ns[np.maximum(begun - 1, 0)] > begins_ns))

    def _at(self, moments_ns: Times) -> _Passed:
        value_j, low_j, high_j = (column.copy() for column in self._counter.passed_j(moments_ns))
        places = self._shape.places(moments_ns)
        stretches = np.full(len(moments_ns), NOWHERE)
        for stretch in np.unique(places.stretches):
            if (offsets := self._offsets.get(int(stretch))) is None:
                continue
            at = np.flatnonzero(places.stretches == stretch)
            least_j, most_j = offsets.at(places.passed_j[at])
            agrees = least_j <= most_j
            at, least_j, most_j = at[agrees], least_j[agrees], most_j[agrees]
            passed_j = places.passed_j[at]
            value_j[at] = passed_j + (least_j + most_j) / 2
            low_j[at], high_j[at] = passed_j + least_j, passed_j + most_j
            stretches[at] = stretch
        return _Passed(value_j, low_j, high_j, places.passed_j, stretches)

    def _agreed_j(
        self, stretches: NDArray[np.intp], shaped_j: Values, duration_s: Values
    ) -> Values:
        """How far the shape's energy may be from the counter's, whose agreement is over a while.

        Random errors average out over that while, and less over a shorter one.
        """
        shorter = np.sqrt(np.maximum(1.0, AGREEMENT_S / np.maximum(duration_s, 1e-3)))
        fractions = np.zeros(len(stretches))
        for stretch in np.unique(stretches[stretches != NOWHERE]):
            fractions[stretches == stretch] = self._offsets[int(stretch)].fraction
        return np.asarray(shaped_j * fractions * shorter)

    def _dates_j(self, begins_ns: Times, ends_ns: Times) -> tuple[Values, Values]:
        """What all values dated too early or too late would change, and each by itself."""
        swing_w = self._shape.power_w(ends_ns) - self._shape.power_w(begins_ns)
        return self._shape.dated_s * swing_w, self._shape.random_j(begins_ns, ends_ns)

    def _edge_j(self, moments_ns: Times, passed: _Passed) -> Values:
        is_shaped = passed.stretches != NOWHERE
        return np.where(is_shaped, self._shape.boundary_j(moments_ns), 0.0)

    @cached_property
    def _offsets(self) -> dict[int, _Offsets]:
        """By stretch: what the readings of the counter in it leave open."""
        earliest_ns, latest_ns, energy_j = self._counter.facts
        slack_ns = LATE_FRACTION * self._channel.refresh_s * 1e9
        ends_ns = latest_ns + UNSURE_S * 1e9
        begin = self._shape.places(earliest_ns - slack_ns - UNSURE_S * 1e9)
        end = self._shape.places(ends_ns)
        facts = np.column_stack(
            (
                (begin.passed_j + end.passed_j) / 2,
                energy_j - end.passed_j,
                energy_j + self._channel.resolution - begin.passed_j,
                ends_ns,
            )
        )
        is_fact = (begin.stretches != NOWHERE) & (begin.stretches == end.stretches)
        facts, stretches = facts[is_fact], begin.stretches[is_fact]
        # Moments ascend, and the stretches with them.
        edges = np.flatnonzero(np.diff(stretches)) + 1
        pieces = np.split(facts, edges) if len(facts) else []
        firsts = stretches[np.concatenate(([0], edges))] if len(facts) else stretches
        return {
            int(stretch): _offsets_of(piece) for stretch, piece in zip(firsts, pieces, strict=True)
        }


def _offsets_of(facts: Values) -> _Offsets:
    """From rows of shape, least and most offset, and moment, in order."""
    span_s = max(float(facts[-1, 3] - facts[0, 3]) * 1e-9, 1e-3)
    fraction = AGREEMENT_FRACTION * max(1.0, AGREEMENT_S / span_s)
    return _Offsets(facts[:, 0], facts[:, 1], facts[:, 2], min(fraction, 1.0))
