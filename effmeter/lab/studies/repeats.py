"""What the recorded runs of a variant came to, seed by seed."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from effmeter.lab.studies.variant import Variant
from effmeter.lab.sweep import Outcome
from effmeter.recorded.breakdown import Breakdown
from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun


@dataclass(frozen=True, slots=True)
class BackwardFlops:
    """Operations of all backward passes of a training."""

    executed: float
    dense: float
    nominal: float


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """Where a training stood at the end of an epoch."""

    duration_s: float
    """Since its first epoch began."""
    metric: float
    executed_fraction: float | None
    """Of the operations of this epoch; None where the run did not log it."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """One run of a variant that came to its end."""

    seed: int
    metric: float
    """The variant's first metric, of the test part after the last epoch or of the whole run."""
    duration_s: float
    """From the beginning of the first epoch to the end of the last."""
    energy: Breakdown
    """Of the same stretch."""
    backward: BackwardFlops | None
    """None where the run did not log it."""
    step_flops: float | None
    """Operations executed in all steps, forward passes too; None where the run did not log it."""
    is_active: bool | None
    """Whether its method has left out anything; None where the run does not say."""
    epochs: tuple[EpochEnd, ...]
    run: RecordedRun

    @property
    def full_epochs_at_end(self) -> int:
        """How many epochs in a row at the end left nothing out."""
        skipping = [
            number
            for number, epoch in enumerate(self.epochs, 1)
            if epoch.executed_fraction is None or epoch.executed_fraction < 1.0 - 1e-9
        ]
        return len(self.epochs) - max(skipping, default=0)

    def metric_at(self, duration_s: float) -> float | None:
        """The metric if it had been stopped at that time; None before the first epoch's end."""
        ended = [epoch.metric for epoch in self.epochs if epoch.duration_s <= duration_s]
        return ended[-1] if ended else None


@dataclass(frozen=True, slots=True)
class BySeed:
    """Runs that differ in nothing but the seed."""

    by_seed: Mapping[int, Repeat]

    def paired_with(self, other: "BySeed") -> Iterator[tuple[Repeat, Repeat]]:
        """The runs of seeds that both have."""
        for seed, repeat in self.by_seed.items():
            if seed in other.by_seed:
                yield repeat, other.by_seed[seed]


@dataclass(frozen=True, slots=True)
class Repeats(BySeed):
    """The runs of a variant, and what became of those that did not come to their end."""

    variant: Variant
    failures: tuple[str, ...]
    """The status of each of these."""

    @property
    def is_inactive(self) -> bool:
        """Whether its method has never left out any work."""
        known = [repeat.is_active for repeat in self.by_seed.values()]
        return bool(known) and not any(active is not False for active in known)


def repeats_of(variant: Variant, outcomes: Iterable[tuple[Outcome, RecordedRun | None]]) -> Repeats:
    """The repeats of a variant among outcomes, given with their runs."""
    found: dict[int, Repeat] = {}
    failures = []
    for outcome, run in outcomes:
        repeat = None
        if outcome.is_complete and run is not None:
            metric = variant.recipe.metrics[0]
            repeat = repeat_of(run, metric, outcome.cell.recipe.seed)
        if repeat is None:
            failures.append(str(outcome.status))
        else:
            found[repeat.seed] = repeat
    return Repeats(found, variant, tuple(failures))


def repeat_of(run: RecordedRun, metric: str, seed: int) -> Repeat | None:
    """What a run came to; None where neither an epoch nor the run has a figure of the metric."""
    epochs = [epoch for epoch in run.lead_epochs if not epoch.open]
    values = [epoch.metrics.get(metric, math.nan) for epoch in epochs]
    final = run.closing_metrics.get(metric, values[-1] if values else math.nan)
    if not epochs or not math.isfinite(final):
        return None
    begin_ns, end_ns = epochs[0].begin_ns, epochs[-1].end_ns
    ends = [
        EpochEnd((epoch.end_ns - begin_ns) * 1e-9, value, epoch.metrics.get("executed_fraction"))
        for epoch, value in zip(epochs, values, strict=True)
        if math.isfinite(value)
    ]
    active = epochs[-1].metrics.get("method_active")
    return Repeat(
        seed,
        final,
        (end_ns - begin_ns) * 1e-9,
        run.breakdown(begin_ns, end_ns),
        _backward(epochs),
        _step_flops(epochs),
        None if active is None else bool(active),
        tuple(ends),
        run,
    )


def _backward(epochs: Sequence[RecordedEpoch]) -> BackwardFlops | None:
    """Summed over the epochs; None where an epoch lacks it."""
    names = ("backward_flops", "dense_backward_flops", "nominal_backward_flops")
    if not all(name in epoch.metrics for epoch in epochs for name in names):
        return None
    return BackwardFlops(*(math.fsum(epoch.metrics[name] for epoch in epochs) for name in names))


def _step_flops(epochs: Sequence[RecordedEpoch]) -> float | None:
    names = ("forward_flops", "backward_flops")
    if not all(name in epoch.metrics for epoch in epochs for name in names):
        return None
    return math.fsum(epoch.metrics[name] for epoch in epochs for name in names)
