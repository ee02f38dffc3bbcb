"""One model trained until one criterion: the unit of the efficiency framework.

Observations come from cuts of recorded runs and from rows of a table alike. Whatever averages,
compares or flags them does not care which.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from effmeter.analysis.efficiency import metric_per_j
from effmeter.analysis.efficiency_framework.uncertainty import UncertainValue
from effmeter.analysis.overtraining import Overtraining
from effmeter.energy import Energy
from effmeter.stopping.direction import Mode

JOULES = "joules"
POWER_SAMPLES = "power-samples"
"""The published convention: a sum of power readings (W), as if each stood for one second."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One model trained once, by its labels."""

    architecture: str
    dataset: str
    """Empty where no run says."""
    size: float
    seed: str | float | None = None
    fold: str | float | None = None

    def __str__(self) -> str:
        """Words for a message: ``"lenet size 2 seed 0 on digits"``."""
        seed = "" if self.seed is None else f" seed {self.seed}"
        fold = "" if self.fold is None else f" fold {self.fold}"
        where = f" on {self.dataset}" if self.dataset else ""
        return f"{self.architecture} size {self.size:g}{seed}{fold}{where}"


@dataclass(frozen=True, slots=True)
class Observation:
    """The metric and the energy of a trial when a criterion was met."""

    trial: Trial
    criterion: str
    metric: str
    metric_value: float
    energy: Energy
    """From the beginning of the first epoch; bounds are NaN where not stated. Under
    ``POWER_SAMPLES`` a sum of watts in place of joules."""
    source: str
    """Where it comes from, for messages: a run file, or a line of a table."""
    epochs: int | None = None
    stated_efficiency_per_j: float | None = None
    """Printed beside metric and energy, in more digits than their ratio has."""
    overshoot: Energy | None = None
    """Used beyond an energy budget; negative where an epoch was not begun."""
    host: str = ""
    cover: tuple[str, ...] = ()
    estimated: tuple[str, ...] = ()
    """Channels of the cover that are estimates."""
    batch_size: float | None = None
    quantity: str = JOULES
    stopped_by: str | None = None
    """The reason of the criterion, in its own words."""
    warnings: tuple[str, ...] = ()
    """What a reader must know of it, such as that the model was overtrained."""
    mode: Mode | None = None
    """Whether less or more of the metric is better; None where that is unknown."""
    flags: tuple[str, ...] = ()
    """Why it is not to be trusted: means are given with it and without it."""

    @property
    def efficiency_per_j(self) -> UncertainValue:
        """Eq 2, as it was stated or as it follows; over seeds nothing is known of one trial."""
        energy = self.energy
        if self.stated_efficiency_per_j is None:
            value = metric_per_j(self.metric_value, energy.value_j, self.mode)
        else:
            value = self.stated_efficiency_per_j
        ends = [
            metric_per_j(self.metric_value, e, self.mode) for e in (energy.low_j, energy.high_j)
        ]
        low, high = (math.nan, math.nan) if math.isnan(sum(ends)) else (min(ends), max(ends))
        # An energy that is too high makes the efficiency too low, by the same part.
        per_j = -value / energy.value_j if energy.value_j else 0.0
        by_source = {name: per_j * error_j for name, error_j in energy.systematic.items()}
        return UncertainValue(value, low, high, by_source=by_source)

    @property
    def epoch_energy_j(self) -> float | None:
        """Energy per epoch; None where the epochs are not known."""
        return self.energy.value_j / self.epochs if self.epochs else None


@dataclass(frozen=True, slots=True)
class Unobserved:
    """A trial that a criterion gives no figure of, and why: not met, diverged, not measured."""

    trial: Trial
    criterion: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class TrialOvertraining:
    """The verdict on one trial."""

    trial: Trial
    verdict: Overtraining
    source: str


@dataclass(frozen=True, slots=True)
class Observations:
    """All that was observed, and all that was not."""

    observed: tuple[Observation, ...]
    unobserved: tuple[Unobserved, ...] = ()
    overtraining: tuple[TrialOvertraining, ...] = ()
    criteria: Mapping[str, str] = field(default_factory=dict)
    """What each criterion's name stands for, in the order of the tables."""
    warnings: tuple[str, ...] = ()

    @property
    def everything(self) -> tuple[Observation | Unobserved, ...]:
        """What was observed, then what was not."""
        return (*self.observed, *self.unobserved)
