"""A few steps of each kind of training precede its recording, and leave no trace."""

from dataclasses import replace
from functools import partial

import pytest

from effmeter.lab.sweep.warm_up import WarmUp
from effmeter.lab.workloads import Recipe, prepare
from effmeter.lab.workloads.training import Training

TINY = Recipe(
    "cnn2",
    device="cpu",
    method="ssprop:drop=0.8",
    options=(("side", "8"), ("shifts", 0), ("width", "8")),
)


def trained(training: Training) -> list[dict[str, float]]:
    logged: list[dict[str, float]] = []

    def log(_epoch: int, /, **metrics: float) -> None:
        logged.append(metrics)

    training.run(range(2), log)
    return logged


def test_the_steps_change_neither_the_training_nor_its_random_numbers() -> None:
    assert trained(WarmUp().fresh(TINY, partial(prepare, TINY))) == trained(prepare(TINY))


def test_each_kind_of_training_is_warmed_up_once_whatever_its_seed() -> None:
    warm_up, prepared = WarmUp(), []
    for recipe in (TINY, replace(TINY, seed=1), replace(TINY, method="dense")):

        def counted(recipe: Recipe = recipe) -> Training:
            prepared.append((recipe.seed, recipe.method))
            return prepare(recipe)

        warm_up.fresh(recipe, counted)
    first, skipping, dense = (0, TINY.method), (1, TINY.method), (0, "dense")
    assert prepared == [first, first, skipping, dense, dense]


def test_the_method_skips_during_the_steps() -> None:
    made: list[Training] = []

    def kept() -> Training:
        made.append(prepare(TINY))
        return made[-1]

    WarmUp().fresh(TINY, kept)
    methods = [training.method for training in made]
    assert [method is not None and method.active for method in methods] == [True, False]


def test_a_training_that_fails_is_left_to_its_recording() -> None:
    recipe = replace(TINY, architecture="faulty-in-training", method=None, options=())
    fresh = WarmUp().fresh(recipe, partial(prepare, recipe))
    with pytest.raises(ValueError, match="to match target batch_size"):
        trained(fresh)
