"""A run inside a recording that is not the recording's own: a training within a tracked command."""

from dataclasses import dataclass
from functools import cached_property

from effmeter.recorded.description import described, labels_in
from effmeter.recorded.identity import RunIdentity
from effmeter.recorded.records import Source
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event, Label, NoteName
from effmeter.runfile.row import EventRow
from effmeter.status import DetailedStatus, Status


@dataclass(frozen=True, eq=False, repr=False)
class InnerRun(RecordedRun):
    """One of several runs of a recording, from its first source's joining to its last one's end.

    Its energy is part of that of the recording's own run.
    """

    place: int = 1
    """Its place among the runs of the recording; the recording's own has 0."""

    @property
    def identity(self) -> RunIdentity:
        """Which of the recording's runs this is, and which programs belong to it."""
        return self.identities[self.place]

    @property
    def name(self) -> str:
        """The name given to the run."""
        return self.identity.name

    @property
    def sources(self) -> tuple[Source, ...]:
        """The programs and ranks of this run."""
        return self.identity.sources

    @cached_property
    def labels(self) -> dict[str, Label]:
        """Labels of its programs, the first one's before the others', then those set later."""
        labels: dict[str, Label] = {}
        for source in reversed(self.sources):
            labels.update(source.labels)
        programs = {source.id for source in self.sources}
        for note in self.notes:
            if note.name == NoteName.LABELS and note.source in programs:
                with self._naming(note.part):
                    labels.update(labels_in(described(note.text)))
        return labels

    @cached_property
    def begin_ns(self) -> int:
        """When the first of its programs' blocks began; without any, when the first joined."""
        if self._of_programs(Event.RUN_BEGIN):
            return super().begin_ns
        notes = (note for note in self.notes if note.name == NoteName.SOURCE)
        return min(note.time_ns for note in notes if (note.source, note.id) in self._roots)

    @cached_property
    def end_ns(self) -> int:
        """When the last of its programs ended; the recording's last row where one did not."""
        ended_ns = [row.time_ns for row in self._endings]
        if len(ended_ns) < len(self._roots):
            return self.recorded_until_ns
        return max(self.begin_ns, *ended_ns)

    @cached_property
    def detailed_status(self) -> DetailedStatus:
        """How its last program ended; the recording's status where one has no end."""
        if len(self._endings) < len(self._roots):
            return RecordedRun(self.parts).detailed_status
        return DetailedStatus.parse(self._endings[-1].text or Status.INTERRUPTED)

    @cached_property
    def _endings(self) -> list[EventRow]:
        return self._of_programs(Event.END)
