"""The metrics of a run: the last value of each, and the best where its name says what is better."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from effmeter.recorded.records import RecordedEpoch
from effmeter.recorded.run import RecordedRun
from effmeter.stopping.direction import Mode, usual_mode

Modes = Mapping[str, Mode]
"""Whether less or more is better, by metric, where a user said so; else the name decides."""
_BY_NAME: Modes = {}


@dataclass(frozen=True, slots=True)
class MetricCourse:
    """A metric over the epochs that logged it."""

    name: str
    final: float
    final_epoch: int
    best: float | None
    """None where it is unknown whether less or more is better, or no value is finite."""
    best_epoch: int | None


def courses(epochs: Sequence[RecordedEpoch], modes: Modes = _BY_NAME) -> tuple[MetricCourse, ...]:
    """Every metric of these epochs, in the order in which they were first logged."""
    names = dict.fromkeys(name for epoch in epochs for name in epoch.metrics)
    return tuple(_course(name, epochs, modes) for name in names)


def logged_names(run: RecordedRun) -> tuple[str, ...]:
    """The metrics that the run's epochs logged."""
    return tuple(dict.fromkeys(name for epoch in run.lead_epochs for name in epoch.metrics))


def unclear_names(run: RecordedRun, modes: Modes = _BY_NAME) -> tuple[str, ...]:
    """Those of ``logged_names`` of which it is unknown whether less or more is better."""
    return tuple(name for name in logged_names(run) if _mode_of(name, modes) is None)


def default_metric(run: RecordedRun) -> str | None:
    """The metric that stands for what was learned.

    Accuracy, else the first whose name says that more is better, else the first whose name says
    nothing of it; None where all of them fall.
    """
    names = logged_names(run)
    if "accuracy" in names:
        return "accuracy"
    rising = (name for name in names if usual_mode(name) == "max")
    return next(iter((*rising, *unclear_names(run))), None)


def _mode_of(name: str, modes: Modes) -> Mode | None:
    return modes.get(name) or usual_mode(name)


def _course(name: str, epochs: Sequence[RecordedEpoch], modes: Modes) -> MetricCourse:
    values = [(epoch.metrics[name], epoch.number) for epoch in epochs if name in epoch.metrics]
    best, best_epoch = _best(values, _mode_of(name, modes))
    final, final_epoch = values[-1]
    return MetricCourse(name, final, final_epoch, best, best_epoch)


def _best(
    values: Sequence[tuple[float, int]], mode: Mode | None
) -> tuple[float, int] | tuple[None, None]:
    """A value that is not a number can be the last one, but never the best."""
    finite = [pair for pair in values if math.isfinite(pair[0])]
    if mode is None or not finite:
        return None, None
    return (min if mode == "min" else max)(finite, key=lambda pair: pair[0])
