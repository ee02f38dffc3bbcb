"""Training efficiency: what was learned per joule (Cueto-Mendoza and Kelleher, Eq 2).

``Eff_i = metric_i / E_i``, with ``E_i`` the energy from the beginning of the run's first epoch
to the end of epoch ``i``, in joules, over one cover for all epochs. (The paper sums power
samples; that sum depends on the sampling rate.) The interval of an efficiency follows from that
of its energy; the metric counts as exact.

**Where less of a metric is better**, its reciprocal takes its place, ``1 / (metric_i E_i)``, so
that an efficiency rises with what was learned. (The paper has accuracies alone.)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from effmeter.analysis.metrics import default_metric, mode_of
from effmeter.cover import Cover
from effmeter.energy import Energy
from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun
from effmeter.stopping.direction import Mode

Measure = Callable[[RecordedRun, Cover, int, int], Energy | None]


def joules_over(run: RecordedRun, cover: Cover, begin_ns: int, end_ns: int) -> Energy | None:
    """The energy of a window of a run over a cover: the measure of Eq 2."""
    return run.energy_over(cover, begin_ns, end_ns)


@dataclass(frozen=True, slots=True)
class EpochEfficiency:
    """Eq 2 at the end of one epoch."""

    epoch: RecordedEpoch
    metric_value: float
    energy: Energy
    """From the beginning of the first epoch to the end of this one."""
    mode: Mode | None = None
    """Whether less or more of the metric is better; None where that is unknown."""

    @property
    def value_per_j(self) -> float:
        """The metric per joule; its reciprocal per joule where less is better."""
        return metric_per_j(self.metric_value, self.energy.value_j, self.mode)

    @property
    def low_per_j(self) -> float:
        """The lower end of the interval."""
        return min(self._ends())

    @property
    def high_per_j(self) -> float:
        """The upper end of the interval; infinite where the energy may have been zero."""
        return max(self._ends())

    def _ends(self) -> tuple[float, float]:
        least, most = self.energy.low_j, self.energy.high_j
        low, high = (metric_per_j(self.metric_value, e, self.mode) for e in (least, most))
        return low, high


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Eq 2 over the epochs of a run."""

    metric: str
    cover: Cover
    epochs: tuple[EpochEfficiency, ...]
    """Those that ended, with a finite value of the metric and a known energy; at least one."""
    mode: Mode | None = None
    """Whether less or more of the metric is better; None where that is unknown."""

    @property
    def learned(self) -> str:
        """What Eq 2 divides by the energy, in words: the metric, or its reciprocal."""
        return learned_words(self.metric, self.mode)

    @property
    def final(self) -> EpochEfficiency:
        """At the last of these epochs."""
        return self.epochs[-1]

    @property
    def best(self) -> EpochEfficiency | None:
        """Where Eq 2 is highest; None where it is unknown whether less or more is better."""
        if self.mode is None:
            return None
        return max(self.epochs, key=lambda epoch: epoch.value_per_j)


def efficiency_of(
    run: RecordedRun,
    metric: str | None = None,
    measure: Measure = joules_over,
    *,
    mode: Mode | None = None,
) -> Efficiency | None:
    """Eq 2 of a run's lead epochs; None where no epoch has both the metric and an energy.

    ``metric`` defaults to ``default_metric``; ``mode`` to what the file states or the metric's name
    implies. Where less is better, an epoch whose metric is not above zero has no efficiency.
    ``measure`` gives the energy of a window (run clock, ns) over a cover.
    """
    name = default_metric(run) if metric is None else metric
    if name is None or not run.lead_epochs:
        return None
    mode = mode or mode_of(run, name)
    begin_ns = run.lead_epochs[0].begin_ns
    cover = run.epoch_cover
    run.compute_energies()
    found = []
    for epoch in run.lead_epochs:
        value = epoch.metrics.get(name, math.nan)
        energy = measure(run, cover, begin_ns, epoch.end_ns)
        is_number = math.isfinite(value) and (mode != "min" or value > 0)
        if not epoch.open and is_number and energy is not None:
            found.append(EpochEfficiency(epoch, value, energy, mode))
    return Efficiency(name, cover, tuple(found), mode) if found else None


def learned_words(metric: str, mode: Mode | None) -> str:
    """What Eq 2 divides by the energy, in words: ``accuracy``, ``1/loss``."""
    return f"1/{metric}" if mode == "min" else metric


def metric_per_j(metric_value: float, energy_j: float, mode: Mode | None = None) -> float:
    """Eq 2; infinite where the energy may be zero, NaN where it is not known.

    NaN too where less is better and the metric is not above zero: it has no reciprocal to compare.
    """
    if math.isnan(energy_j) or (mode == "min" and metric_value <= 0):
        return math.nan
    if mode == "min":
        metric_value = 1 / metric_value
    if energy_j > 0:
        return metric_value / energy_j
    return math.copysign(math.inf, metric_value) if metric_value else 0.0
