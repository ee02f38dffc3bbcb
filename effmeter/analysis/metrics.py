"""The metrics of a run: the last value of each, and the best where it is known what is better."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from effmeter.recorded.records import MetricMode, RecordedEpoch
from effmeter.recorded.run import RecordedRun
from effmeter.stopping.direction import Mode, usual_mode

Modes = Mapping[str, Mode]
"""Whether less or more is better, by metric, where a user says so."""
_NONE_GIVEN: Modes = {}


@dataclass(frozen=True, slots=True)
class MetricCourse:
    """A metric over the epochs that logged it."""

    name: str
    final: float
    final_epoch: int
    best: float | None
    """None where it is unknown whether less or more is better, or no value is finite."""
    best_epoch: int | None


def courses(run: RecordedRun, given: Modes = _NONE_GIVEN) -> tuple[MetricCourse, ...]:
    """Every metric of the run's lead epochs, in the order in which they were first logged."""
    epochs = run.lead_epochs
    return tuple(_course(name, epochs, mode_of(run, name, given)) for name in logged_names(run))


def logged_names(run: RecordedRun) -> tuple[str, ...]:
    """The metrics that the run's epochs logged."""
    return tuple(dict.fromkeys(name for epoch in run.lead_epochs for name in epoch.metrics))


def mode_of(run: RecordedRun, metric: str, given: Modes = _NONE_GIVEN) -> Mode | None:
    """Whether less or more of a metric is better; None where that is unknown, or neither is.

    What a user says now counts first, then what the file states, then what the name implies.
    """
    if metric in given:
        return given[metric]
    stated = run.metric_modes.get(metric)
    if stated is None:
        return usual_mode(metric)
    match stated.value:
        case "min" | "max" as known:
            return known
        case _:
            return None


def unclear_names(run: RecordedRun, given: Modes = _NONE_GIVEN) -> tuple[str, ...]:
    """Those of ``logged_names`` of which it is unknown whether less or more is better."""
    judging = (n for n in logged_names(run) if run.metric_modes.get(n) is not MetricMode.NEITHER)
    return tuple(name for name in judging if mode_of(run, name, given) is None)


def default_metric(run: RecordedRun) -> str | None:
    """The metric that stands for what was learned.

    Accuracy, else the first of which more is better, else the first whose direction the file
    states, else the first whose direction is unknown; None where all of them fall by their names.
    """
    names = logged_names(run)
    rising = [name for name in names if mode_of(run, name) == "max"]
    if "accuracy" in rising:
        return "accuracy"
    falling = (name for name in names if run.metric_modes.get(name) is MetricMode.MIN)
    return next(iter((*rising, *falling, *unclear_names(run))), None)


def _course(name: str, epochs: Sequence[RecordedEpoch], mode: Mode | None) -> MetricCourse:
    values = [(epoch.metrics[name], epoch.number) for epoch in epochs if name in epoch.metrics]
    best, best_epoch = _best(values, mode)
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
