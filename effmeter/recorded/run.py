"""A run read back from its file, with its energies."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from effmeter.channel import Refusal
from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.escaping import printable
from effmeter.recorded import timeline
from effmeter.recorded.breakdown import Breakdown, break_down, total_over
from effmeter.recorded.conditions import RecordedCondition, conditions_in
from effmeter.recorded.epoch_table import table_of_epochs
from effmeter.recorded.marked_run import MarkedRun
from effmeter.recorded.memory import memory_uses
from effmeter.recorded.overlap import RecordedOverlap, overlaps_in
from effmeter.recorded.records import (
    Contention,
    Gap,
    MemoryUse,
    RecordedEpoch,
    RecordedSpan,
    Suspend,
    WallStep,
)
from effmeter.recorded.second_sensor import counted_energy
from effmeter.recorded.totals import Totals, compute_in_stretches, totals_over
from effmeter.recorded.window import S, contentions_in, touching
from effmeter.units import format_duration

if TYPE_CHECKING:
    import pyarrow as pa


class RecordedRun(MarkedRun):
    """One recorded run: its epochs, spans, metrics and energies.

    A recording holds its own run, and perhaps others inside it, whose energy is part of the
    energy of that run. Every property is computed on first use. Times are nanoseconds of the run
    clock.
    """

    @cached_property
    def epochs(self) -> tuple[RecordedEpoch, ...]:
        """The epochs of all its programs in order; an unfinished one is open."""
        return timeline.epochs(self.rows, self.end_ns, self._epoch_energy)

    @cached_property
    def spans(self) -> tuple[RecordedSpan, ...]:
        """The outermost spans, each with those inside it."""
        return timeline.spans(self.rows, self.end_ns, self._span_energy)

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

    # Energies

    @cached_property
    def epoch_cover(self) -> Cover:
        """The one cover of all epochs: that of the window from the first to the last."""
        if not self.lead_epochs:
            return self.breakdown().cover
        return self.breakdown(self.lead_epochs[0].begin_ns, self.lead_epochs[-1].end_ns).cover

    def energy(self) -> Energy | None:
        """The total energy of the run; None where it is unknown."""
        return self.breakdown().total

    def energy_over(self, cover: Cover, begin_ns: int, end_ns: int) -> Energy | None:
        """The energy of a window over a given cover; None where any channel of it is unknown."""
        window_ns = (begin_ns, end_ns)
        for known in self._totals:
            if known.cover is cover and window_ns in known.places:
                return known.of(window_ns)
        return total_over(self.recording, cover, begin_ns, end_ns)

    def compute_energies(self) -> None:
        """Compute the energies of all epochs and spans, while the readings are at hand."""
        _ = self._totals

    @cached_property
    def _totals(self) -> list[Totals]:
        """Of each epoch and all epochs up to its end, and of each span, over their covers."""
        if self.is_joint:
            return []
        lead = self.lead_epochs
        windows_ns = [(each.begin_ns, each.end_ns) for each in self.epochs]
        windows_ns += [(lead[0].begin_ns, each.end_ns) for each in lead]
        spans_ns = [(each.begin_ns, each.end_ns) for each in timeline.walk_spans(self.spans)]
        wanted = ((self.epoch_cover, windows_ns), (self.breakdown().cover, spans_ns))
        for cover, of_cover_ns in wanted:
            compute_in_stretches(self.recording, cover, of_cover_ns)
        found = [totals_over(self.recording, *each) for each in wanted]
        return [each for each in found if each is not None]

    def counted_energy(self, channel: str, begin_ns: int, end_ns: int) -> Energy | None:
        """What the run's total takes from a channel of its cover in a window; None: unknown."""
        cover = self.breakdown().cover
        return counted_energy(self.recording, cover, channel, begin_ns, end_ns)

    @property
    def is_joint(self) -> bool:
        """Whether it is a run of a job that several hosts recorded: see ``by_host``."""
        return False

    @property
    def by_host(self) -> tuple["RecordedRun", ...]:
        """Its part on each host that recorded it."""
        return (self,)

    def breakdown(self, begin_ns: int | None = None, end_ns: int | None = None) -> Breakdown:
        """The energy of a window by channel and component; by default of the whole run.

        The cover is chosen for the window. Each window is computed once.
        """
        window_ns = (
            self.begin_ns if begin_ns is None else begin_ns,
            self.end_ns if end_ns is None else end_ns,
        )
        if window_ns not in self._breakdowns:
            if not self._breakdowns and not self.is_joint:
                self.recording.expect(self._whole_windows_ns)
            self._breakdowns[window_ns] = self._break_down(*window_ns)
        return self._breakdowns[window_ns]

    def _break_down(self, begin_ns: int, end_ns: int) -> Breakdown:
        return break_down(self.recording, self.programs, begin_ns, end_ns)

    @cached_property
    def _breakdowns(self) -> dict[tuple[int, int], Breakdown]:
        return {}

    @property
    def _whole_windows_ns(self) -> list[tuple[int, int]]:
        """That of the run, and that of its epochs."""
        lead = self.lead_epochs
        of_epochs = [(lead[0].begin_ns, lead[-1].end_ns)] if lead else []
        return [(self.begin_ns, self.end_ns), *of_epochs]

    def _epoch_energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        return self.energy_over(self.epoch_cover, begin_ns, end_ns)

    def _span_energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        return self.energy_over(self.breakdown().cover, begin_ns, end_ns)

    # Surroundings

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The sensors that could not be read, and devices of its programs that none reads."""
        return self.recording.refusals(self.programs)

    @cached_property
    def conditions(self) -> tuple[RecordedCondition, ...]:
        """Clocks, temperatures, limits and throttling of its devices, at its start and since."""
        return conditions_in(self.recording.events, self.begin_ns, self.end_ns)

    @cached_property
    def memory(self) -> Mapping[str, MemoryUse]:
        """How much memory its programs used, by name: ``ram``, ``gpu0``, ``torch-cuda0``.

        The recorder counts the programs of a recording together.
        """
        rows = (*self.recording.rows_of_recorder, *self.rows)
        window_ns = (self.begin_ns, self.end_ns) if self.is_inner else None
        return memory_uses(rows, self.recording.part_ends_ns, window_ns)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Where channels could not be read; between two recorders, all of them."""
        return self._in_its_time(self.recording.gaps)

    @property
    def suspends(self) -> tuple[Suspend, ...]:
        """Where the machine slept."""
        return self._in_its_time(self.recording.suspends)

    @property
    def wall_steps(self) -> tuple[WallStep, ...]:
        """Where the wall clock was set."""
        return self._in_its_time(self.recording.wall_steps)

    @property
    def contentions(self) -> tuple[Contention, ...]:
        """Where programs that are not of the recording used the devices."""
        found = self.recording.contentions
        return contentions_in(found, self.begin_ns, self.end_ns) if self.is_inner else found

    @property
    def overlaps(self) -> tuple[RecordedOverlap, ...]:
        """Other recordings of the machine that shared time with the run, as far as known."""
        return overlaps_in(self.notes)

    def _in_its_time(self, stretches: tuple[S, ...]) -> tuple[S, ...]:
        """Of a recording's own run all of them: it lasts as long as the recording."""
        return touching(stretches, self.begin_ns, self.end_ns) if self.is_inner else stretches

    # As text and as a table

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
        return printable(", ".join(parts))

    def __repr__(self) -> str:
        return f"<RecordedRun {self.name!r} from {str(self.paths[0])!r}>"
