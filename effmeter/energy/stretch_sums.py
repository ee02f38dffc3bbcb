"""Sums over stretches that lie in windows, in the sum of their numbers, not in their product."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush

import numpy as np

from effmeter.energy.counter import Loss
from effmeter.energy.part_time import Places, Times, Values

Part = Callable[[Places, Values, Values], Values]
"""What parts of stretches hold: their places among the stretches, where they begin and end."""


class DisjointStretches:
    """Stretches of time that do not overlap, in order (k,)."""

    def __init__(self, losses: Sequence[Loss]) -> None:
        self.losses = losses
        self.begins_ns = np.array([loss.begin_ns for loss in losses], np.float64)
        self.ends_ns = np.array([loss.end_ns for loss in losses], np.float64)

    def summed(self, begins_ns: Times, ends_ns: Times, part: Part) -> Values:
        """What the stretches hold within each window (n,), by what their parts hold."""
        count = len(self.losses)
        places = np.arange(count)
        wholes = np.concatenate(([0.0], np.cumsum(part(places, self.begins_ns, self.ends_ns))))
        first = np.searchsorted(self.begins_ns, begins_ns, "left")
        last = np.searchsorted(self.ends_ns, ends_ns, "right")
        found = np.where(last > first, wholes[np.maximum(last, first)] - wholes[first], 0.0)
        # A stretch that began before the window, and one that goes on after it.
        early, late, is_lasting = first - 1, last, ends_ns > begins_ns
        is_early = is_lasting & (early >= 0) & (self.ends_ns[np.maximum(early, 0)] > begins_ns)
        is_late = is_lasting & (late < count) & (late >= first)
        is_late &= self.begins_ns[np.minimum(late, count - 1)] < ends_ns
        for chosen, place in ((is_early, early), (is_late, late)):
            at = place[chosen]
            begin_ns = np.maximum(self.begins_ns[at], begins_ns[chosen])
            found[chosen] += part(at, begin_ns, np.minimum(self.ends_ns[at], ends_ns[chosen]))
        return found


def disjoint(losses: Iterable[Loss]) -> list[DisjointStretches]:
    """Losses in layers without overlaps: as many as lie over one another."""
    layers: list[list[Loss]] = []
    ends: list[tuple[int, int]] = []
    for loss in _in_order(losses):
        if ends and ends[0][0] <= loss.begin_ns:
            place = heappop(ends)[1]
        else:
            place = len(layers)
            layers.append([])
        layers[place].append(loss)
        heappush(ends, (loss.end_ns, place))
    return [DisjointStretches(layer) for layer in layers]


def _in_order(losses: Iterable[Loss]) -> Iterator[Loss]:
    lasting = (loss for loss in losses if loss.end_ns > loss.begin_ns)
    return iter(sorted(lasting, key=lambda loss: loss.begin_ns))
