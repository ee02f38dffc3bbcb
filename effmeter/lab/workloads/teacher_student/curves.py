"""How the losses of many students fall, smoothed, and where they end, with intervals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from effmeter.errors import UsageError
from effmeter.lab.workloads.teacher_student.approaches import APPROACHES, Approach
from effmeter.lab.workloads.teacher_student.students import Students
from effmeter.lab.workloads.teacher_student.task import ITERATIONS

RUNS = 300
READ_EVERY = 25
RUNS_AT_ONCE = 100
"""They share the memory: some 50 MB of points."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over runs and where the true mean lies with the asked confidence (Student's t)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curves:
    """The losses (runs, readings) of one approach on all points, read after ``iterations``."""

    approach: Approach
    iterations: Array
    losses: Array

    def smoothed(self, window: int = 11, degree: int = 3) -> Array:
        """The mean curve after a Savitzky-Golay filter over so many readings."""
        from scipy import signal

        smooth: Array = signal.savgol_filter(self.losses.mean(axis=0), window, degree)
        return smooth

    def final(self, confidence: float = 0.95) -> Estimate:
        """The loss at the end, over the runs."""
        return estimate(self.losses[:, -1], confidence)

    def final_against(self, other: "Curves", confidence: float = 0.95) -> Estimate:
        """The relative difference of the losses at the end, paired over the runs.

        In parts of the other's mean loss; below 0 this approach ends lower.
        """
        differences = self.losses[:, -1] - other.losses[:, -1]
        return estimate(differences / other.losses[:, -1].mean(), confidence)


def learning_curves(
    names: Iterable[str] = APPROACHES,
    runs: int = RUNS,
    iterations: int = ITERATIONS,
    *,
    read_every: int = READ_EVERY,
    first_seed: int = 0,
    runs_at_once: int = RUNS_AT_ONCE,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Curves]:
    """Train ``runs`` students of each approach, all of the same seeds; ``tell`` gets a line each.

    UsageError for fewer than two runs, of which there would be no interval. KeyError for an
    approach that there is not.
    """
    if runs < 2:
        raise UsageError("an interval needs two runs or more")
    chosen = [APPROACHES[name] for name in names]
    seeds = range(first_seed, first_seed + runs)
    curves = {}
    for approach in chosen:
        tell(f"{approach.name}: {runs} runs of {iterations} iterations")
        parts = [
            _train(Students(approach, seeds[begin : begin + runs_at_once]), iterations, read_every)
            for begin in range(0, runs, runs_at_once)
        ]
        read_after = np.array([0, *_readings(iterations, read_every)], dtype=np.float64)
        curves[approach.name] = Curves(approach, read_after, np.concatenate(parts))
    return curves


def estimate(values: Array, confidence: float = 0.95) -> Estimate:
    """The mean of independent values and its interval."""
    from scipy import stats

    mean = float(values.mean())
    half = stats.sem(values) * stats.t.ppf(0.5 + confidence / 2.0, len(values) - 1)
    return Estimate(mean, mean - float(half), mean + float(half))


def _readings(iterations: int, read_every: int) -> list[int]:
    """After which iterations the losses are read: every so many, and the last."""
    return sorted({*range(read_every, iterations + 1, read_every), iterations} - {0})


def _train(students: Students, iterations: int, read_every: int) -> Array:
    readings = [students.losses()]
    due = set(_readings(iterations, read_every))
    for iteration in range(1, iterations + 1):
        students.step()
        if iteration in due:
            readings.append(students.losses())
    return torch.stack(readings, 1).double().numpy()
