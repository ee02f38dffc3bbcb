"""What a run's metrics came to: the last value of each, and the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun

_FALLS = ("loss", "error", "perplexity", "mae", "mse", "rmse", "nll", "fid")


@dataclass(frozen=True, slots=True)
class MetricCourse:
    """A metric over the epochs that logged it."""

    name: str
    final: float
    final_epoch: int
    best: float
    best_epoch: int


def falls(metric: str) -> bool:
    """Whether less of a metric is better, by its name: losses, errors and their like."""
    words = metric.lower().replace("/", "_").replace("-", "_").replace(".", "_").split("_")
    return any(word in _FALLS or word.endswith("loss") for word in words)


def courses(epochs: Sequence[RecordedEpoch]) -> tuple[MetricCourse, ...]:
    """Every metric of these epochs, in the order in which they were first logged."""
    names = dict.fromkeys(name for epoch in epochs for name in epoch.metrics)
    return tuple(_course(name, epochs) for name in names)


def logged_names(run: RecordedRun) -> tuple[str, ...]:
    """The metrics that the run's epochs logged."""
    return tuple(dict.fromkeys(name for epoch in run.lead_epochs for name in epoch.metrics))


def default_metric(run: RecordedRun) -> str | None:
    """The metric that stands for what was learned: accuracy, else the first that should rise."""
    names = logged_names(run)
    if "accuracy" in names:
        return "accuracy"
    return next((name for name in names if not falls(name)), None)


def _course(name: str, epochs: Sequence[RecordedEpoch]) -> MetricCourse:
    """A value that is not a number can be the last one, but never the best."""
    values = [(epoch.metrics[name], epoch.number) for epoch in epochs if name in epoch.metrics]
    numbers = [pair for pair in values if math.isfinite(pair[0])]
    better = min if falls(name) else max
    best, best_epoch = better(numbers, key=lambda pair: pair[0]) if numbers else values[-1]
    final, final_epoch = values[-1]
    return MetricCourse(name, final, final_epoch, best, best_epoch)
