"""When a run's programs began and ended, and how."""

from collections.abc import Collection, Iterable, Sequence

from effmeter.recorded.identity import Root
from effmeter.runfile.format import Event, NoteName
from effmeter.runfile.row import EventRow
from effmeter.status import COMPLETED, DetailedStatus, Status

Window = tuple[int, int]
"""Beginning and end (run clock, ns)."""


def of_programs(
    rows: Iterable[EventRow], event: Event, roots: Collection[Root]
) -> dict[Root, EventRow]:
    """The last row by which each program states an event of its whole part in a run."""
    return {
        (row.source, row.id): row
        for row in rows
        if row.event == event and (row.source, row.id) in roots
    }


def joined(rows: Iterable[EventRow], roots: Collection[Root]) -> list[EventRow]:
    """The rows by which programs joined, in order."""
    notes = (row for row in rows if row.event == Event.NOTE and row.name == NoteName.SOURCE)
    return [row for row in notes if (row.source, row.id) in roots]


def window_of(
    rows: Sequence[EventRow], roots: Collection[Root], recorded_ns: Window, *, is_inner: bool
) -> Window:
    """When a run began and ended: its programs' blocks, as far as its rows state them.

    Without a block, a recording's own run lasts as long as the recording (``recorded_ns``), and
    an inner run begins when it was joined. One of whose programs has no end ends with the
    recording.
    """
    begun = of_programs(rows, Event.RUN_BEGIN, roots)
    ended = of_programs(rows, Event.END, roots)
    since = begun.values() if begun or not is_inner else joined(rows, roots)
    begin_ns = min((row.time_ns for row in since), default=recorded_ns[0])
    if not roots or len(ended) < len(roots) or not (begun or is_inner):
        return begin_ns, recorded_ns[1]
    return begin_ns, max(begin_ns, *(row.time_ns for row in ended.values()))


def worst_status(endings: Iterable[EventRow]) -> DetailedStatus:
    """The status of a run whose programs all ended: the worst of theirs, as a recorder says it."""
    found = [DetailedStatus.parse(row.text or Status.INTERRUPTED) for row in endings]
    worst: Sequence[DetailedStatus] = [s for s in found if s.status is not Status.COMPLETED]
    interrupted = (s for s in worst if s.status is Status.INTERRUPTED)
    return next(interrupted, worst[0] if worst else COMPLETED)
