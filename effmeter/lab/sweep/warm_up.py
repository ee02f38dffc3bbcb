"""Steps before the first recording of their kind, so that no run pays for compiling its kernels.

Kernels are compiled, and libraries choose algorithms and load their code, when a program first
needs them: seconds that would count for the first seed alone.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from effmeter.lab.workloads import Recipe

if TYPE_CHECKING:
    from effmeter.lab.workloads.data import LabelledImages
    from effmeter.lab.workloads.training import Training

EPOCHS = 4
"""Of one batch each: methods that skip in some epochs skip in one of these."""


class WarmUp:
    """Runs a few steps of each kind of training, once in a program."""

    def __init__(self) -> None:
        self._done: set[Recipe] = set()

    def fresh(self, recipe: Recipe, prepare: Callable[[], "Training"]) -> "Training":
        """What ``prepare`` makes of a recipe, not yet begun, its kernels compiled."""
        training = prepare()
        kind = replace(recipe, seed=0, fold=None)
        if kind in self._done:
            return training
        self._done.add(kind)
        _run_briefly(training)
        return prepare()


def _run_briefly(training: "Training") -> None:
    """Whatever fails here fails again where it is recorded."""
    data = training.data
    few = replace(
        data,
        train=_first(data.train, training.batch_size),
        test=_first(data.test, training.batch_size),
        validation=None,
    )
    try:
        replace(training, data=few).run(range(EPOCHS), _forget)
    except Exception:
        return


def _first(images: "LabelledImages", count: int) -> "LabelledImages":
    return replace(images, images=images.images[:count], labels=images.labels[:count])


def _forget(_epoch: int, /, **_metrics: float) -> None:
    pass
