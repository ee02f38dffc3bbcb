"""Where a loop stands, as stopping criteria see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from effmeter.energy import Energy


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one finished epoch logged, and the energy used from the run's start to its end."""

    number: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    energy: Energy | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a loop stands at a boundary between epochs, or at a step within one."""

    epochs: Sequence[EpochResult] = ()
    energy: Energy | None = None
    """Used since the run's start; null where it is not known."""
    energy_is_known: bool = True
    within_epoch: bool = False
