"""A run read back from its file, with its energies."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.reason import Reason
from effmeter.recorded import timeline
from effmeter.recorded.breakdown import Breakdown, break_down, total_over
from effmeter.recorded.conditions import RecordedCondition, conditions_in
from effmeter.recorded.epoch_table import table_of_epochs
from effmeter.recorded.identity import RunIdentity
from effmeter.recorded.metric_modes import stated_modes
from effmeter.recorded.recording import Recording
from effmeter.recorded.records import Metric, RecordedEpoch, RecordedSpan
from effmeter.runfile.format import Event, MetricMode, NoteName
from effmeter.runfile.row import EventRow
from effmeter.units import format_duration

if TYPE_CHECKING:
    import pyarrow as pa


class RecordedRun(Recording):
    """One recorded run: its epochs, spans, metrics and energies.

    Every property is computed on first use. Times are nanoseconds of the run clock.
    """

    @property
    def identity(self) -> RunIdentity:
        """Which of the recording's runs this is, and which programs belong to it."""
        return self.identities[0]

    @property
    def run_id(self) -> str:
        """The identity of the run, the same in all of its files."""
        return self.identity.run_id

    @cached_property
    def begin_ns(self) -> int:
        """When the first of its programs' blocks began; without any, when the recording did."""
        begun_ns = (row.time_ns for row in self._of_programs(Event.RUN_BEGIN))
        return min(begun_ns, default=self.metadata.started_time_ns)

    @cached_property
    def end_ns(self) -> int:
        """When the last of its programs' blocks ended; the recording's end where one did not."""
        ended_ns = [row.time_ns for row in self._of_programs(Event.END)]
        if not self._of_programs(Event.RUN_BEGIN) or len(ended_ns) < len(self._roots):
            return self.recorded_until_ns
        return max(self.begin_ns, *ended_ns)

    def program_begin_ns(self, source: str | None) -> int:
        """When a program's block began; without that in the file, when it joined."""
        begun = self._of_programs(Event.RUN_BEGIN)
        begun_ns = [row.time_ns for row in begun if row.source == source]
        joined = (note for note in self.notes if note.name == NoteName.SOURCE)
        joined_ns = [note.time_ns for note in joined if note.source == source]
        return next(iter((*begun_ns, *joined_ns)), self.begin_ns)

    @cached_property
    def _roots(self) -> set[tuple[str | None, int | None]]:
        return {(source.id, source.root) for source in self.identity.sources}

    def _of_programs(self, event: Event) -> list[EventRow]:
        """The rows by which its programs state an event of their whole part in it."""
        rows = (row for row in self.events if row.event == event)
        return [row for row in rows if (row.source, row.id) in self._roots]

    @property
    def duration_s(self) -> float:
        """How long the run lasted."""
        return (self.end_ns - self.begin_ns) * 1e-9

    @cached_property
    def marks(self) -> tuple[EventRow, ...]:
        """The events of the recording, without the marks of its other runs."""
        if len(self.identities) == 1:
            return self.events
        roots = {(source.id, source.root) for source in self.identity.sources}
        return timeline.marks_of(self.events, roots)

    @cached_property
    def conditions(self) -> tuple[RecordedCondition, ...]:
        """Clocks, temperatures, limits and throttling of its devices, at its start and since."""
        return conditions_in(self.events, self.begin_ns, self.end_ns)

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Every logged value of all sources, in order of time."""
        return timeline.metrics(self.marks)

    @cached_property
    def closing_metrics(self) -> Mapping[str, float]:
        """The last value of each metric that was logged in no epoch and no span."""
        roots = {None, *((source.id, source.root) for source in self.sources)}
        found = (m for m in self.metrics if m.parent is None or (m.source, m.parent) in roots)
        return {metric.name: metric.value for metric in found}

    @cached_property
    def metric_modes(self) -> Mapping[str, MetricMode]:
        """By metric, whether less or more is better as its file states it; empty: names decide."""
        return stated_modes(self.notes, {source.id for source in self.identity.sources})

    @cached_property
    def stopped_by(self) -> Reason | None:
        """The reason that ended its epochs; None where no criterion ended them."""
        programs = {source.id for source in self.identity.sources}
        several = len(self.identities) > 1
        stops = [
            note.text
            for note in self.notes
            if note.name == NoteName.STOP and (not several or note.source in programs)
        ]
        return Reason.parse(stops[-1]) if stops else None

    @cached_property
    def epochs(self) -> tuple[RecordedEpoch, ...]:
        """The epochs of all sources in order; an unfinished one is open."""
        return timeline.epochs(self.marks, self.end_ns, self._epoch_energy)

    @cached_property
    def spans(self) -> tuple[RecordedSpan, ...]:
        """The outermost spans, each with those inside it."""
        return timeline.spans(self.marks, self.end_ns, self._span_energy)

    @cached_property
    def lead_epochs(self) -> tuple[RecordedEpoch, ...]:
        """The epochs whose metrics stand for the run: those of the lowest rank that has any.

        Of several programs without ranks it is the one that began the first epoch.
        """
        ranks = {(source.id, source.root): source.rank or 0 for source in self.sources}
        programs: dict[tuple[str | None, int | None], list[RecordedEpoch]] = {}
        for epoch in self.epochs:
            programs.setdefault((epoch.source, epoch.root), []).append(epoch)
        lead = min(programs, key=lambda p: ranks.get((p[0] or "", p[1]), 0), default=None)
        return () if lead is None else tuple(programs[lead])

    @cached_property
    def epoch_cover(self) -> Cover:
        """The one cover of all epochs: that of the window from the first to the last."""
        if not self.lead_epochs:
            return self.breakdown().cover
        return self.breakdown(self.lead_epochs[0].begin_ns, self.lead_epochs[-1].end_ns).cover

    def energy(self) -> Energy | None:
        """The total energy of the run; None where it is unknown."""
        return self.breakdown().total

    def breakdown(self, begin_ns: int | None = None, end_ns: int | None = None) -> Breakdown:
        """The energy of a window by channel and component; by default of the whole run.

        The cover is chosen for the window. Each window is computed once.
        """
        window_ns = (
            self.begin_ns if begin_ns is None else begin_ns,
            self.end_ns if end_ns is None else end_ns,
        )
        if window_ns not in self._breakdowns:
            self._breakdowns[window_ns] = break_down(self, *window_ns)
        return self._breakdowns[window_ns]

    @cached_property
    def _breakdowns(self) -> dict[tuple[int, int], Breakdown]:
        return {}

    def to_table(self) -> "pa.Table":
        """One row an epoch, as an Arrow table.

        Columns: ``run``, ``epoch`` (its number), ``begin_s`` and ``end_s`` (since the run began),
        ``duration_s``, ``energy_j`` with its interval ``energy_low_j`` and ``energy_high_j``
        (null where the energy is unknown), then each metric by its name (null where an epoch
        did not log it); a metric named like one of these columns is ``metric:NAME``.
        """
        return table_of_epochs(self.name, self.begin_ns, self.epochs)

    def __str__(self) -> str:
        """Name, status, length, number of epochs and energy, on one line."""
        count = len(self.epochs)
        energy = self.energy()
        parts = [
            f"{self.name}: {self.detailed_status}",
            format_duration(self.duration_s),
            f"{count} epoch{'' if count == 1 else 's'}",
            "energy not known" if energy is None else str(energy),
        ]
        return ", ".join(parts)

    def __repr__(self) -> str:
        return f"<RecordedRun {self.name!r} from {str(self.paths[0])!r}>"

    def _epoch_energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        return total_over(self, self.epoch_cover, begin_ns, end_ns)

    def _span_energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        return total_over(self, self.breakdown().cover, begin_ns, end_ns)
