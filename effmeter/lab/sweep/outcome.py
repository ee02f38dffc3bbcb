"""The outcome of one training of a grid, read from its run file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from effmeter.lab.sweep.cell import Cell
from effmeter.reason import Reason
from effmeter.recorded.breakdown import Breakdown
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import user_note
from effmeter.status import DetailedStatus, Status

UNMET_NOTE = "unmet"
"""The name of the notes of a run on criteria that it never met."""
TRACEBACK_NOTE = "traceback"
"""The name of the note of a run that a bug ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One training and its result."""

    cell: Cell
    path: Path | None
    """Its run file; None where nothing could be recorded."""
    status: DetailedStatus
    epochs: int = 0
    duration_s: float = 0.0
    stopped_by: Reason | None = None
    metrics: Mapping[str, float] | None = None
    """The last value of each metric."""
    energy: Breakdown | None = None
    """Of the whole run, as ``effmeter report`` states it."""
    unmet: tuple[str, ...] = ()
    """Criteria that it never met."""
    earlier: bool = False
    """Whether an earlier call recorded it."""
    traceback: str | None = None
    """Of the bug that ended it; None for any other end."""

    @property
    def is_complete(self) -> bool:
        """Whether the training came to its end and is recorded."""
        return self.path is not None and self.status.status is Status.COMPLETED

    @property
    def is_settled(self) -> bool:
        """Whether repeating it would show nothing new: it is complete, or its loss diverged."""
        return self.is_complete or self.status.status is Status.DIVERGED


def outcome_of(cell: Cell, run: RecordedRun, earlier: bool = False) -> Outcome:
    """The outcome that a recorded run shows."""
    epochs = [epoch for epoch in run.lead_epochs if not epoch.open]
    unmet = [note.text for note in run.notes if note.name == user_note(UNMET_NOTE)]
    tracebacks = [note.text for note in run.notes if note.name == user_note(TRACEBACK_NOTE)]
    return Outcome(
        cell,
        run.paths[0],
        run.detailed_status,
        len(epochs),
        run.duration_s,
        run.stopped_by,
        {n: v for epoch in epochs for n, v in epoch.metrics.items()} | dict(run.closing_metrics),
        run.breakdown(),
        tuple(unmet),
        earlier,
        tracebacks[-1] if tracebacks else None,
    )
