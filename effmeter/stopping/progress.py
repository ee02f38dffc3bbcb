"""Where a loop stands, as stopping criteria see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from effmeter.energy import Energy


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one finished epoch logged, and the energy used from the run's start to its end."""

    number: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    used: Energy | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a loop stands at a boundary between epochs, or at a step within one."""

    epochs: Sequence[EpochResult] = ()
    used: Energy | None = None
    """The energy since the run's start; None where it is unknown."""
    energy_is_known: bool = True
    """False where the energy can no longer be measured, such as after a sensor failed."""
    within_epoch: bool = False

    def logged(self, metric: str) -> list[float]:
        """The values of a metric, of the epochs that logged it."""
        return [epoch.metrics[metric] for epoch in self.epochs if metric in epoch.metrics]
