"""A run as its programs marked it: identity, labels, beginning and end, metrics, notes."""

from collections.abc import Mapping
from functools import cached_property
from itertools import chain

from effmeter.reason import Reason
from effmeter.recorded import endings, timeline
from effmeter.recorded.description import described, labels_in
from effmeter.recorded.identity import Root, RunIdentity, runs_inside
from effmeter.recorded.metric_modes import stated_modes
from effmeter.recorded.recording import Recording
from effmeter.recorded.recording_view import RecordingView
from effmeter.recorded.records import Label, Metric, MetricMode, Note, Source
from effmeter.runfile.format import Event, NoteName, user_note
from effmeter.runfile.row import EventRow
from effmeter.status import DetailedStatus, Status

_OF_RECORDER = frozenset(
    {NoteName.RECORDER, NoteName.WARNING, NoteName.DROPPED_ROWS, NoteName.MISSED_DEADLINES}
)
"""What the recorder notes of all runs alike."""


class MarkedRun(RecordingView):
    """One run of a recording, by its place among them; the recording's own has 0."""

    def __init__(self, recording: Recording, place: int = 0) -> None:
        super().__init__(recording)
        self.place = place
        """Its place among the runs of the recording; the recording's own has 0."""

    # Identity

    @property
    def is_inner(self) -> bool:
        """Whether the recording is of another run, inside of which this one began."""
        return self.place > 0

    @property
    def identity(self) -> RunIdentity:
        """Which of the recording's runs this is, and which programs belong to it."""
        return self.recording.identities[self.place]

    @property
    def run_id(self) -> str:
        """The identity of the run, the same in all of its files."""
        return self.identity.run_id

    @cached_property
    def ancestors(self) -> tuple[RunIdentity, ...]:
        """The runs of its recording inside of which it began, the innermost first."""
        by_id = {each.run_id: each for each in self.recording.identities}
        found: list[RunIdentity] = []
        at = self.identity
        while at.parent_run_id in by_id:
            at = by_id[at.parent_run_id]
            found.append(at)
        return tuple(found)

    @cached_property
    def outer_ids(self) -> frozenset[str]:
        """The runs that it began inside of, at any depth, as far as its recording names them."""
        named = (self.identity, *self.ancestors)
        return frozenset(each.parent_run_id for each in named if each.parent_run_id is not None)

    @property
    def parent_run_id(self) -> str | None:
        """The run inside of which it began; None: it began inside of no run."""
        return self.identity.parent_run_id

    @property
    def name(self) -> str:
        """The name given to the run."""
        return self.identity.name

    @property
    def sources(self) -> tuple[Source, ...]:
        """Its programs and ranks, in the order in which they joined."""
        return self.identity.sources

    @cached_property
    def inner_runs(self) -> tuple[RunIdentity, ...]:
        """The runs of its recording that began inside it, at any depth."""
        return runs_inside(self.recording.identities, self.run_id)

    @cached_property
    def runs_beside(self) -> tuple[RunIdentity, ...]:
        """Runs of its recording that ran at the same time, neither inside nor around it."""
        related = {self.run_id, *(each.run_id for each in (*self.inner_runs, *self.ancestors))}
        beside = zip(self.recording.identities, self.recording.windows, strict=True)
        return tuple(
            each
            for each, (begin_ns, end_ns) in beside
            if begin_ns < self.end_ns and end_ns > self.begin_ns and each.run_id not in related
        )

    @cached_property
    def programs(self) -> tuple[Source, ...]:
        """Its own programs, and those of the runs inside it."""
        return (*self.sources, *chain.from_iterable(each.sources for each in self.inner_runs))

    @cached_property
    def labels(self) -> dict[str, Label]:
        """Labels of the run, then of its programs that joined it, then those set later."""
        labels = dict(self.identity.labels)
        for source in self.sources:
            labels = {**source.labels, **labels}
        for note in self.notes:
            if note.name == NoteName.LABELS:
                with self.recording.naming(note.part):
                    labels.update(labels_in(described(note.text)))
        return labels

    # Beginning and end

    @property
    def begin_ns(self) -> int:
        """When the first of its programs' blocks began; without any, when the run was joined.

        A recording's own run was joined when the recording began.
        """
        return self.recording.windows[self.place][0]

    @property
    def end_ns(self) -> int:
        """When the last of its programs' blocks ended; the recording's end where one did not."""
        return self.recording.windows[self.place][1]

    @property
    def wall_ns(self) -> tuple[int, int]:
        """Beginning and end by the wall clock of its host (ns), as it was at the start."""
        offset_ns = self.metadata.started_wall_ns - self.metadata.started_time_ns
        return self.begin_ns + offset_ns, self.end_ns + offset_ns

    @property
    def duration_s(self) -> float:
        """How long the run lasted."""
        return (self.end_ns - self.begin_ns) * 1e-9

    @cached_property
    def detailed_status(self) -> DetailedStatus:
        """How its programs ended; the status of the recording where one of them did not."""
        ended = endings.of_programs(self.rows, Event.END, self._roots)
        if len(self.recording.identities) == 1 or not ended or len(ended) < len(self._roots):
            return self.recording.detailed_status
        return endings.worst_status(ended.values())

    @property
    def status(self) -> Status:
        """The status without its detail."""
        return self.detailed_status.status

    def program_begin_ns(self, source: str | None) -> int:
        """When a program's block began; without that in the file, when it joined."""
        begun = endings.of_programs(self.rows, Event.RUN_BEGIN, self._roots).values()
        since = (*begun, *endings.joined(self.rows, self._roots))
        return next((row.time_ns for row in since if row.source == source), self.begin_ns)

    @property
    def _roots(self) -> frozenset[Root]:
        return self.identity.roots

    # Marks

    @property
    def rows(self) -> tuple[EventRow, ...]:
        """The rows of the file that its programs wrote, in order of time."""
        return self.recording.rows_of_runs[self.place]

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Every logged value of all its programs, in order of time."""
        return timeline.metrics(self.rows)

    @cached_property
    def closing_metrics(self) -> Mapping[str, float]:
        """The last value of each metric that was logged in no epoch and no span."""
        roots = {None, *self._roots}
        found = (m for m in self.metrics if m.parent is None or (m.source, m.parent) in roots)
        return {metric.name: metric.value for metric in found}

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What the recorder noted in its time, and what its programs noted."""
        unsigned = self.recording.rows_of_recorder
        if self.is_inner:
            unsigned = tuple(row for row in unsigned if row.name in _OF_RECORDER)
        rows = sorted((*unsigned, *self.rows), key=lambda row: (row.time_ns, row.part))
        return timeline.notes(rows)

    @property
    def program_notes(self) -> tuple[tuple[str, str], ...]:
        """Name and text of each note that a program itself wrote, such as a traceback."""
        prefix = user_note("")
        return tuple(
            (note.name.removeprefix(prefix), note.text)
            for note in self.notes
            if note.name.startswith(prefix)
        )

    @cached_property
    def metric_modes(self) -> Mapping[str, MetricMode]:
        """By metric, whether less or more is better as its file states it; empty: names decide."""
        return stated_modes(self.notes)

    @cached_property
    def stopped_by(self) -> Reason | None:
        """The reason that ended its epochs; None where no criterion ended them."""
        stops = [note.text for note in self.notes if note.name == NoteName.STOP]
        return Reason.parse(stops[-1]) if stops else None

    @cached_property
    def dropped_marks(self) -> int:
        """Marks that did not reach the recorder in time and are lost."""
        noted = (n for n in self.notes if n.name == NoteName.DROPPED_MARKS)
        last = {(n.source, n.id): n.value or 0 for n in noted}
        return round(sum(last.values()))
