"""The analysis of one run: all that its report shows, in the types that computed it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from effmeter.analysis.efficiency import Efficiency, EpochEfficiency, efficiency_of
from effmeter.analysis.idle import IdleBaseline, NetEnergy, net_energy
from effmeter.analysis.metrics import MetricCourse, courses
from effmeter.analysis.run_shares import Shares, shares_of
from effmeter.analysis.shares import DEFAULT_POWER_RATIO
from effmeter.analysis.warnings import warnings_of
from effmeter.analysis.whole_machine import WallEnergy, wall_energies
from effmeter.recorded.breakdown import Breakdown
from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun
from effmeter.stopping.direction import Mode


@dataclass(frozen=True, eq=False)
class RunAnalysis:
    """A run with its energy, metrics and efficiency; its epochs and spans know their energies."""

    run: RecordedRun
    breakdown: Breakdown
    metrics: tuple[MetricCourse, ...]
    efficiency: Efficiency | None
    """None where no epoch has both a metric to judge by and a known energy."""
    net: NetEnergy | None
    """None without an idle baseline, and for a run without a total."""
    warnings: tuple[str, ...]
    """What a reader must know before trusting the figures, one line each."""
    baseline: IdleBaseline | None = None
    """The idle power of the machine, as far as it is known; shares tell it apart."""
    power_ratio: float = DEFAULT_POWER_RATIO
    """By which factor at most the power per use of two programs differs."""
    by_host: tuple["RunAnalysis", ...] = ()
    """Of a run that several hosts recorded: that of each host's part."""

    @cached_property
    def shares(self) -> Shares | None:
        """Whose the energy is; None where it is unknown, or the file states no work.

        Those of a run that several hosts recorded are of its parts.
        """
        if self.run.is_joint:
            return None
        return shares_of(self.run, self.baseline, self.power_ratio)

    def compute(self) -> None:
        """Compute what the readings are needed for, before they are released."""
        for part in self.by_host or (self,):
            part.run.compute_energies()
            _ = part.shares

    @property
    def walls(self) -> tuple[WallEnergy, ...]:
        """The run's energy by each meter of the whole machine.

        A meter of one host stands beside the total of all of them without a ratio.
        """
        found = wall_energies(self.breakdown)
        if self.run.is_joint:
            return tuple(replace(wall, total_ratio=None) for wall in found)
        return found

    @property
    def ended_epochs(self) -> int:
        """The number of epochs that ended."""
        return sum(not epoch.open for epoch in self.run.lead_epochs)

    @property
    def status(self) -> str:
        """How the run ended, with its detail: ``completed``, ``failed: KeyError``."""
        return str(self.run.detailed_status)

    @property
    def stopped_by(self) -> str | None:
        """The reason that ended the epochs; None where no criterion did."""
        return None if self.run.stopped_by is None else str(self.run.stopped_by)

    def epoch_efficiency(self, epoch: RecordedEpoch) -> EpochEfficiency | None:
        """Eq 2 at the end of an epoch of the run; None where it is unknown."""
        return self._efficiencies.get(id(epoch))

    @cached_property
    def _efficiencies(self) -> Mapping[int, EpochEfficiency]:
        points = () if self.efficiency is None else self.efficiency.epochs
        return {id(point.epoch): point for point in points}


def analyse(
    run: RecordedRun,
    metric: str | None = None,
    idle: IdleBaseline | None = None,
    *,
    mode: Mode | None = None,
    baseline: IdleBaseline | None = None,
    power_ratio: float = DEFAULT_POWER_RATIO,
) -> RunAnalysis:
    """The analysis of a run; Eq 2 is of ``metric``, by default of the run's own choice.

    ``mode`` says whether less or more of ``metric`` is better, in place of its file and its name.
    With ``idle``, net energies stand beside gross ones. Raises MeasurementError where the
    baseline does not fit the run. ``baseline`` and ``power_ratio`` are those of the shares, by
    default without idle power.
    """
    breakdown = run.breakdown()
    efficiency = efficiency_of(run, metric, mode=mode)
    modes: dict[str, Mode] = {} if metric is None or mode is None else {metric: mode}
    hosts = run.by_host if run.is_joint else ()
    return RunAnalysis(
        run,
        breakdown,
        courses(run, modes),
        efficiency,
        None if idle is None else net_energy(run, breakdown, idle),
        (*warnings_of(run, efficiency, metric, modes), *_idle_warnings(idle)),
        baseline,
        power_ratio,
        tuple(analyse(part, metric, mode=mode, power_ratio=power_ratio) for part in hosts),
    )


def _idle_warnings(idle: IdleBaseline | None) -> list[str]:
    found = () if idle is None else idle.warnings
    return [f"the machine was not idle when its idle power was measured: {text}" for text in found]
