"""From the clock of one host of a job to that of another, by the marks that both set.

Clocks of different hosts do not compare. What compares is the training: the beginning of the
run, the boundaries of each epoch by its number, the end of the run. Between two such marks a
moment keeps its share of the stretch.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun

Boundary = tuple[int, int, bool]
"""The number of an epoch, how many of that number came before it, and whether it is the end."""


class HostClock:
    """Translates moments of the lead's run clock (ns) into those of another host's."""

    def __init__(self, lead: RecordedRun, member: RecordedRun) -> None:
        self._begin_ns, self._end_ns = member.begin_ns, member.end_ns
        self._whole_ns = (lead.begin_ns, lead.end_ns)
        known = _boundaries(member.lead_epochs)
        shared = [
            (at, known[mark]) for mark, at in _boundaries(lead.lead_epochs).items() if mark in known
        ]
        pairs = [(lead.begin_ns, member.begin_ns), *sorted(shared)]
        if len(lead.lead_epochs) == len(member.lead_epochs):
            pairs.append((lead.end_ns, member.end_ns))
        self._pairs = _rising(pairs)

    def window(self, begin_ns: int, end_ns: int) -> tuple[int, int] | None:
        """The member's part in a window of the lead's clock; None where it has none."""
        if (begin_ns, end_ns) == self._whole_ns:
            return self._begin_ns, self._end_ns
        moments = (self._moment(begin_ns), self._moment(end_ns))
        inside = tuple(min(max(at, self._begin_ns), self._end_ns) for at in moments)
        return (inside[0], inside[1]) if inside[1] > inside[0] else None

    def _moment(self, at_ns: int) -> int:
        place = bisect_right(self._pairs, at_ns, key=lambda pair: pair[0]) - 1
        if place < 0 or place == len(self._pairs) - 1:
            lead_ns, member_ns = self._pairs[max(place, 0)]
            return member_ns + at_ns - lead_ns
        (lead_ns, member_ns), (next_lead_ns, next_member_ns) = self._pairs[place : place + 2]
        share = (at_ns - lead_ns) / (next_lead_ns - lead_ns)
        return member_ns + round(share * (next_member_ns - member_ns))


def _boundaries(epochs: Sequence[RecordedEpoch]) -> dict[Boundary, int]:
    """The moments of all boundaries; an open epoch has no end."""
    seen: Counter[int] = Counter()
    found: dict[Boundary, int] = {}
    for epoch in epochs:
        found[epoch.number, seen[epoch.number], False] = epoch.begin_ns
        if not epoch.open:
            found[epoch.number, seen[epoch.number], True] = epoch.end_ns
        seen[epoch.number] += 1
    return found


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs that rise on both clocks: an epoch may begin where another one ended."""
    kept = [pairs[0]]
    for pair in pairs[1:]:
        if pair[0] > kept[-1][0] and pair[1] >= kept[-1][1]:
            kept.append(pair)
    return kept
