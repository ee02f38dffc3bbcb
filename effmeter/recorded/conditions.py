"""From the condition rows of a run to the conditions in which its devices worked.

A row of an averaged condition states the average since the row before it, and the first row the
first look. A row of any other condition holds from its moment on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from effmeter.channel import Condition
from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow

Level = float | str


@dataclass(frozen=True, slots=True)
class RecordedCondition:
    """One condition of one device in a run."""

    device: str
    """The channel that stands for it, or ``cpu``."""
    condition: Condition
    at_start: Level
    """What was seen first."""
    at_end: Level
    changes: tuple[tuple[int, Level], ...] = ()
    """Moments (run clock, ns) and new values; of a condition that is averaged, none."""
    average: float | None = None
    """Over time; None for one that is not averaged."""
    lowest: float | None = None
    """The lowest average of a stretch."""
    highest: float | None = None
    reason: str | None = None
    """The reason of throttling."""

    @property
    def has_changed(self) -> bool:
        """Whether it differed by more than is passed over within the run."""
        if self.lowest is None or self.highest is None:
            return bool(self.changes)
        return self.condition.differs(self.lowest, self.highest)


def conditions_in(
    events: Iterable[EventRow], begin_ns: int, end_ns: int
) -> tuple[RecordedCondition, ...]:
    """The conditions between two moments, by device and condition."""
    known = frozenset(map(str, Condition))
    rows = sorted(
        (e for e in events if e.event == Event.CONDITION and e.channel and e.name in known),
        key=lambda e: (*_subject(e), e.part, e.time_ns),
    )
    found = (
        _averaged(list(of_one), begin_ns, end_ns)
        if Condition(name).is_averaged
        else _level(list(of_one), begin_ns, end_ns)
        for (_, name, _), of_one in groupby(rows, key=_subject)
    )
    return tuple(condition for condition in found if condition is not None)


def _subject(row: EventRow) -> tuple[str, str, str]:
    """The device, the condition, and of throttling its reason."""
    is_reason = row.name == Condition.THROTTLED
    return row.channel or "", row.name or "", (row.text or "") if is_reason else ""


def _averaged(rows: Sequence[EventRow], begin_ns: int, end_ns: int) -> RecordedCondition | None:
    """Over the stretches that lie in the window; of a window before the second row, the first."""
    rows = [row for row in rows if row.value is not None]
    stretches = [
        (min(after.time_ns, end_ns) - max(before.time_ns, begin_ns), after.value or 0.0)
        for before, after in pairwise(rows)
        if before.part == after.part
    ]
    inside = [(length_ns, value) for length_ns, value in stretches if length_ns > 0]
    if not inside:
        inside = [(1, row.value or 0.0) for row in rows if begin_ns <= row.time_ns <= end_ns][:1]
    if not inside:
        return None
    values = [value for _, value in inside]
    total_ns = sum(length_ns for length_ns, _ in inside)
    is_seen = rows[0].time_ns >= begin_ns and rows[0].value is not None
    return RecordedCondition(
        rows[0].channel or "",
        Condition(rows[0].name or ""),
        rows[0].value if is_seen and rows[0].value is not None else values[0],
        values[-1],
        average=sum(length_ns * value for length_ns, value in inside) / total_ns,
        lowest=min(values),
        highest=max(values),
        reason=rows[0].text,
    )


def _level(rows: Sequence[EventRow], begin_ns: int, end_ns: int) -> RecordedCondition | None:
    seen = [(row.time_ns, _value(row)) for row in rows if row.time_ns <= end_ns]
    known = [(time_ns, value) for time_ns, value in seen if value is not None]
    before = [value for time_ns, value in known if time_ns <= begin_ns]
    inside = [(time_ns, value) for time_ns, value in known if time_ns > begin_ns]
    if not before and not inside:
        return None
    start = before[-1] if before else inside[0][1]
    changes: list[tuple[int, Level]] = []
    latest = start
    for time_ns, value in inside:
        if value != latest:
            changes.append((time_ns, value))
            latest = value
    condition = Condition(rows[0].name or "")
    return RecordedCondition(rows[0].channel or "", condition, start, latest, tuple(changes))


def _value(row: EventRow) -> Level | None:
    return row.text if row.value is None else row.value
