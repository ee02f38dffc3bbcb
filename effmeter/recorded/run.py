"""A run read back from its file, with its energies."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.recorded import timeline
from effmeter.recorded.breakdown import Breakdown, break_down, total_over
from effmeter.recorded.recording import Recording
from effmeter.recorded.records import Metric, RecordedEpoch, RecordedSpan


class RecordedRun(Recording):
    """One recorded run: its epochs, spans, metrics and energies.

    Every property is computed on first use. Times are nanoseconds of the run clock.
    """

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Every logged value of all sources, in order of time."""
        return timeline.metrics(self.events)

    @cached_property
    def closing_metrics(self) -> Mapping[str, float]:
        """The last value of each metric that was logged in no epoch and no span."""
        roots = {None, *((source.id, source.root) for source in self.sources)}
        found = (m for m in self.metrics if m.parent is None or (m.source, m.parent) in roots)
        return {metric.name: metric.value for metric in found}

    @cached_property
    def epochs(self) -> tuple[RecordedEpoch, ...]:
        """The epochs of all sources in order; an unfinished one is open."""
        found = timeline.epochs(self.events, self.metrics, self.end_ns)
        return tuple(replace(epoch, measure=self._epoch_energy) for epoch in found)

    @cached_property
    def spans(self) -> tuple[RecordedSpan, ...]:
        """The outermost spans, each with those inside it."""
        return self._measured(timeline.spans(self.events, self.metrics, self.end_ns))

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

    def _epoch_energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        return total_over(self, self.epoch_cover, begin_ns, end_ns)

    def _span_energy(self, begin_ns: int, end_ns: int) -> Energy | None:
        return total_over(self, self.breakdown().cover, begin_ns, end_ns)

    def _measured(self, spans: tuple[RecordedSpan, ...]) -> tuple[RecordedSpan, ...]:
        return tuple(
            replace(span, children=self._measured(span.children), measure=self._span_energy)
            for span in spans
        )
