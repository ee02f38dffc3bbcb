"""Cutting a recorded run where a stopping criterion would have ended its loop.

One long recording per trial serves all criteria. A cut shows the criterion what the loop would
have shown it at the end of each epoch: the metrics, and the energy since its program began,
over one cover for all epochs. A criterion may also end a live loop within an epoch; a recording
has no metrics there, so a cut is always at an epoch's end.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from effmeter.analysis.efficiency import EpochEfficiency, Measure, efficiency_of, joules_over
from effmeter.analysis.metrics import default_metric, mode_of
from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun
from effmeter.status import Status
from effmeter.stopping import (
    Criterion,
    EpochResult,
    Progress,
    Reason,
    combine,
    overshoot_of,
)
from effmeter.stopping.direction import Mode


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a criterion is met in a recording."""

    reason: Reason
    epochs: int
    point: EpochEfficiency
    """Eq 2 there."""
    overshoot: Energy | None
    """Used beyond an energy budget; None where the criterion has none."""


@dataclass(frozen=True, slots=True)
class Uncut:
    """Why a criterion cuts a recording nowhere."""

    reason: str


@dataclass(frozen=True, slots=True)
class CuttableRun:
    """A recorded run, seen as a criterion would have seen its loop."""

    run: RecordedRun
    metric: str | None
    cover: Cover
    epochs: tuple[RecordedEpoch, ...]
    """Those that ended."""
    results: tuple[EpochResult, ...]
    """What the criteria saw of them."""
    points: Mapping[int, EpochEfficiency]
    """Eq 2 by place among the epochs, where it is known."""

    def cut(self, criterion: Criterion) -> Cut | Uncut:
        """Where this criterion, alone, would have ended the loop."""
        stop = combine(criterion)
        unlogged = sorted(criterion.metrics().difference(*(r.metrics for r in self.results)))
        if unlogged:
            return Uncut(f"not met: no epoch logged {', '.join(unlogged)}")
        for count, epoch in enumerate(self.epochs, 1):
            reason = None if epoch.reason else stop.reason(self._progress(count))
            if reason is not None:
                return self._judged(criterion, reason, count)
        count = len(self.epochs)
        not_met = f"not met in {count} epoch{'s' if count > 1 else ''}{_how_it_ended(self.run)}"
        return Uncut(self._divergence(count) or not_met)

    def _progress(self, count: int) -> Progress:
        used = self.results[count - 1].used
        return Progress(self.results[:count], used, used is not None)

    def _judged(self, criterion: Criterion, reason: Reason, count: int) -> Cut | Uncut:
        diverged = self._divergence(count)
        if diverged is not None:
            return Uncut(diverged)
        if reason.is_blindness:
            return Uncut(f"not met: {reason} at epoch {count}")
        if count - 1 not in self.points:
            what = "energy" if self._logged(count) else f"{self.metric or 'metric that rises'}"
            return Uncut(f"met at epoch {count}, of which no {what} is known")
        overshoot = overshoot_of(criterion, self.results[count - 1].used)
        return Cut(reason, count, self.points[count - 1], overshoot)

    def _divergence(self, count: int) -> str | None:
        """In which epoch the loss, or the metric itself, stopped being a number."""
        for number, result in enumerate(self.results[:count], 1):
            for name, value in result.metrics.items():
                falls = mode_of(self.run, name) == "min"
                if not math.isfinite(value) and (falls or name == self.metric):
                    return f"diverged: {name} is {value} at epoch {number}"
        return None

    def _logged(self, count: int) -> bool:
        return self.metric in self.results[count - 1].metrics


def cuttable_run(
    run: RecordedRun,
    metric: str | None = None,
    measure: Measure = joules_over,
    *,
    mode: Mode | None = None,
) -> CuttableRun | None:
    """A run ready to be cut; None where it has no epoch that ended.

    ``metric`` and ``mode`` are as for ``efficiency_of``. ``measure`` is what Eq 2 divides by;
    criteria always see joules.
    """
    ended = tuple(epoch for epoch in run.lead_epochs if not epoch.open)
    if not ended:
        return None
    judged = efficiency_of(run, metric, measure, mode=mode)
    cover = run.breakdown(ended[0].begin_ns, run.lead_epochs[-1].end_ns).cover
    places = {id(epoch): place for place, epoch in enumerate(ended)}
    points = () if judged is None else judged.epochs
    return CuttableRun(
        run,
        metric or default_metric(run),
        cover,
        ended,
        _results(run, cover, ended),
        {places[id(point.epoch)]: point for point in points},
    )


def _results(
    run: RecordedRun, cover: Cover, ended: tuple[RecordedEpoch, ...]
) -> tuple[EpochResult, ...]:
    began_ns = run.program_begin_ns(ended[0].source)  # budgets count from there
    return tuple(
        EpochResult(epoch.number, epoch.metrics, run.energy_over(cover, began_ns, epoch.end_ns))
        for epoch in ended
    )


def _how_it_ended(run: RecordedRun) -> str:
    return "" if run.status is Status.COMPLETED else f" ({run.detailed_status})"
