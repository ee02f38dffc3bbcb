"""Which trainings a grid holds, and when two of them are the same."""

from dataclasses import fields

import pytest

from effmeter.errors import UsageError
from effmeter.lab.sweep import Axes, Cell, Ending, plan_cells
from effmeter.lab.workloads import Recipe
from tests.lab.sweep.tiny import cells


def test_every_size_is_trained_with_every_seed_in_order() -> None:
    grid = cells("tiny", sizes=[2, 1], seeds=[0, 7])
    assert [(c.recipe.size, c.recipe.seed) for c in grid] == [(2, 0), (2, 7), (1, 0), (1, 7)]
    assert [cell.name for cell in grid][:2] == ["tiny-2-digits-seed-0", "tiny-2-digits-seed-7"]


def test_each_fold_is_a_training_of_its_own() -> None:
    grid = cells("tiny", folds=3)
    assert [cell.labels["fold"] for cell in grid] == [1, 2, 3]
    assert grid[0].name == "tiny-1-digits-seed-0-fold-1"


def test_what_is_asked_for_twice_is_trained_once() -> None:
    assert len(cells("tiny", "tiny")) == 1


def test_an_option_reaches_the_workloads_that_have_it() -> None:
    common = Recipe("lenet", options=(("initialisation", "normal"),))
    lenet, tiny = plan_cells(Axes(["lenet", "tiny"]), Ending(), common)
    assert lenet.labels["initialisation"] == "normal"
    assert "initialisation" not in tiny.labels


def test_an_option_at_its_default_is_the_same_training() -> None:
    given = Recipe("lenet", options=(("initialisation", "default"),))
    axes = Axes(["lenet"])
    assert (
        plan_cells(axes, Ending(), given)[0].labels
        == plan_cells(axes, Ending(), Recipe("lenet"))[0].labels
    )


@pytest.mark.parametrize(
    ("axes", "common", "words"),
    [
        (Axes(["resnet"]), Recipe("resnet"), "unknown workload 'resnet'; choose from lenet"),
        (Axes(["lenet"], ["stars"]), Recipe("lenet"), "unknown data set 'stars'"),
        (Axes(["lenet"], sizes=[1, 6]), Recipe("lenet"), "lenet has sizes 1 to 5, not 6"),
        (Axes(["lenet"], seeds=[2**32]), Recipe("lenet"), "a seed must be a whole number from 0"),
        (Axes(["lenet"]), Recipe("lenet", options=(("hue", "red"),)), "unknown option 'hue'"),
        (Axes(["lenet"]), Recipe("lenet", folds=1), "2 folds or more"),
    ],
)
def test_what_cannot_be_trained_is_refused(axes: Axes, common: Recipe, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        plan_cells(axes, Ending(), common)


def test_each_method_is_a_training_of_its_own() -> None:
    axes = Axes(["cnn2"], seeds=[0, 1], methods=["dense", "ssprop:drop=0.5"])
    cells = plan_cells(axes, Ending.parse([], "first", 1), Recipe("cnn2"))
    assert [(cell.recipe.seed, cell.recipe.method) for cell in cells] == [
        (0, "dense"),
        (0, "ssprop:drop=0.5"),
        (1, "dense"),
        (1, "ssprop:drop=0.5"),
    ]


def test_a_method_that_there_is_not_is_refused() -> None:
    axes = Axes(["cnn2"], methods=["nonsense"])
    with pytest.raises(UsageError, match="unknown method 'nonsense'"):
        plan_cells(axes, Ending.parse([], "first", 1), Recipe("cnn2"))


def test_a_method_and_a_learning_rate_make_another_training() -> None:
    recipe = Recipe("cnn2", method="ssprop:drop=0.8", learning_rate=0.01)
    (cell,) = plan_cells(Axes(["cnn2"]), Ending(), recipe)
    (plain,) = plan_cells(Axes(["cnn2"]), Ending(), Recipe("cnn2"))
    assert cell.labels["method"] == "ssprop:drop=0.8"
    assert cell.labels["learning_rate"] == 0.01
    assert cell.labels.keys() - plain.labels.keys() == {"method", "learning_rate"}
    assert cell.name == "cnn2-1-digits-ssprop:drop=0.8-seed-0"


def test_a_series_in_a_methods_text_is_no_path() -> None:
    recipe = Recipe("cnn2", method="random-skipping:rate=0.5/0.2")
    (cell,) = plan_cells(Axes(["cnn2"]), Ending(), recipe)
    assert "/" not in cell.name


OTHERWISE = {
    "seed": Recipe("lenet", seed=1),
    "device": Recipe("lenet", device="cpu"),
    "batch_size": Recipe("lenet", batch_size=64),
    "folds": Recipe("lenet", folds=3),
    "fold": Recipe("lenet", fold=2),
    "validation_fraction": Recipe("lenet", validation_fraction=0.1),
    "split_seed": Recipe("lenet", split_seed=1),
    "metrics": Recipe("lenet", metrics=("f1", "accuracy")),
    "options": Recipe("lenet", options=(("initialisation", "normal"),)),
    "method": Recipe("lenet", method="dense"),
    "size": Recipe("lenet", size=2),
    "dataset": Recipe("lenet", dataset="mnist"),
    "architecture": Recipe("bcnn"),
    "optimizer": Recipe("lenet", optimizer="sgd"),
    "learning_rate": Recipe("lenet", learning_rate=0.1),
    "learning_rate_decay": Recipe("lenet", learning_rate_decay=0.9),
    "augmentation": Recipe("lenet", augmentation="crop-and-flip"),
}


def test_every_setting_of_a_recipe_is_tried_below() -> None:
    assert {*OTHERWISE, "data_dir", "download"} == {field.name for field in fields(Recipe)}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_setting_changes_the_labels(name: str) -> None:
    """Else a run with one value would be taken for one with another."""
    plain, changed = Recipe("lenet"), OTHERWISE[name]
    assert Cell(changed, Ending()).labels != Cell(plain, Ending()).labels
