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

import math
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from effmeter.channel import Channel
from effmeter.energy.counter import Loss
from effmeter.energy.counter_trace import CounterTrace
from effmeter.energy.part_time import Values
from effmeter.energy.shape import Shape
from effmeter.energy.source import channel_energy
from effmeter.energy.value import Energy

AGREEMENT_FRACTION = 0.01
AGREEMENT_S = 3.0
LATE_FRACTION = 0.15
"""How much later than its refresh period a counter may refresh: 110 ms of 100 were seen."""
UNSURE_S = 0.005
"""How far the dates of counter and values may differ besides."""


class _Passed(NamedTuple):
    """The energy passed at one moment, since the counter's first reading."""

    value_j: float
    low_j: float
    high_j: float
    shape_j: float = 0.0
    stretch: int | None = None
    """None: the counter stands alone here."""


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

    def at(self, shape_j: float) -> tuple[float, float]:
        """The least and the most that the offset can be where the shape has passed so much."""
        after = int(np.searchsorted(self._shape_j, shape_j, "right"))
        moved_j = self.fraction * shape_j
        lows, highs = [], []
        if after > 0:
            lows.append(self._lows[0][after - 1] - moved_j)
            highs.append(self._highs[0][after - 1] + moved_j)
        if after < len(self._shape_j):
            lows.append(self._lows[1][after] + moved_j)
            highs.append(self._highs[1][after] - moved_j)
        return float(max(lows)), float(min(highs))


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
        if end_ns < begin_ns or self._is_lossy(begin_ns, end_ns):
            return self._counter.energy(begin_ns, end_ns)
        begin, end, duration_s = self._at(begin_ns), self._at(end_ns), (end_ns - begin_ns) * 1e-9
        if begin.stretch is None and end.stretch is None:
            return self._counter.energy(begin_ns, end_ns)
        value_j = end.value_j - begin.value_j
        counted_j = (value_j - end.low_j + begin.high_j, end.high_j - begin.low_j - value_j)
        errors_j = [self._edge_j(begin_ns, begin), self._edge_j(end_ns, end)]
        if begin.stretch is None or begin.stretch != end.stretch:
            below_j, above_j = (math.hypot(side_j, *errors_j) for side_j in counted_j)
        else:
            errors_j.append(self._shape.unseen_j(begin_ns, end_ns))
            shaped_j = end.shape_j - begin.shape_j
            agreed_j = self._agreed_j(begin.stretch, shaped_j, duration_s)
            sides_j = (agreed_j + value_j - shaped_j, agreed_j - value_j + shaped_j)
            dates_j = math.hypot(*self._dates_j(begin_ns, end_ns))
            below_j, above_j = (
                math.hypot(min(counted, math.hypot(max(shaped, 0.0), dates_j)), *errors_j)
                for counted, shaped in zip(counted_j, sides_j, strict=True)
            )
        low_j, high_j = max(0.0, value_j - below_j), max(0.0, value_j + above_j)
        return channel_energy(
            self._channel, duration_s, max(0.0, value_j), low_j, high_j, self._host
        )

    def bounds(self, begin_ns: int, end_ns: int) -> Energy | None:
        """What the counter alone says, with an interval that no load can leave."""
        return self._counter.bounds(begin_ns, end_ns)

    def _is_lossy(self, begin_ns: int, end_ns: int) -> bool:
        """Whether the counter does not bridge the window."""
        return any(loss.begin_ns < end_ns and loss.end_ns > begin_ns for loss in self._losses)

    def _at(self, moment_ns: int) -> _Passed:
        place = self._shape.place(moment_ns)
        offsets = None if place is None else self._offsets.get(place.stretch)
        if place is not None and offsets is not None:
            low_j, high_j = offsets.at(place.passed_j)
            if low_j <= high_j:
                bounds = (place.passed_j + (low_j + high_j) / 2, place.passed_j + low_j)
                return _Passed(*bounds, place.passed_j + high_j, place.passed_j, place.stretch)
        return _Passed(*self._counter.passed_j(moment_ns))

    def _agreed_j(self, stretch: int, shaped_j: float, duration_s: float) -> float:
        """How far the shape's energy may be from the counter's, whose agreement is over a while.

        Random errors average out over that while, and less over a shorter one.
        """
        shorter = math.sqrt(max(1.0, AGREEMENT_S / max(duration_s, 1e-3)))
        return shaped_j * self._offsets[stretch].fraction * shorter

    def _dates_j(self, begin_ns: int, end_ns: int) -> tuple[float, float]:
        """What all values dated too early or too late would change, and each by itself."""
        swing_w = self._shape.power_w(end_ns) - self._shape.power_w(begin_ns)
        return self._shape.dated_s * swing_w, self._shape.random_j(begin_ns, end_ns)

    def _edge_j(self, moment_ns: int, passed: _Passed) -> float:
        return 0.0 if passed.stretch is None else self._shape.boundary_j(moment_ns)

    @cached_property
    def _offsets(self) -> dict[int, _Offsets]:
        """By stretch: what the readings of the counter in it leave open."""
        earliest_ns, latest_ns, energy_j = self._counter.facts
        slack_ns = LATE_FRACTION * self._channel.refresh_s * 1e9
        found: dict[int, list[tuple[float, float, float, float]]] = {}
        for begin_ns, end_ns, shown_j in zip(
            earliest_ns - slack_ns - UNSURE_S * 1e9,
            latest_ns + UNSURE_S * 1e9,
            energy_j,
            strict=True,
        ):
            begin, end = self._shape.place(begin_ns), self._shape.place(end_ns)
            if begin is None or end is None or begin.stretch != end.stretch:
                continue
            low_j = shown_j - end.passed_j
            high_j = shown_j + self._channel.resolution - begin.passed_j
            middle_j = (begin.passed_j + end.passed_j) / 2
            found.setdefault(begin.stretch, []).append((middle_j, low_j, high_j, end_ns))
        return {stretch: _offsets_of(np.array(facts)) for stretch, facts in found.items()}


def _offsets_of(facts: Values) -> _Offsets:
    """From rows of shape, least and most offset, and moment, in order."""
    span_s = max(float(facts[-1, 3] - facts[0, 3]) * 1e-9, 1e-3)
    fraction = AGREEMENT_FRACTION * max(1.0, AGREEMENT_S / span_s)
    return _Offsets(facts[:, 0], facts[:, 1], facts[:, 2], min(fraction, 1.0))
