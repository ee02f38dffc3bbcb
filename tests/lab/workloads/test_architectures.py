"""The networks of the catalogue as architectures that a recipe names."""

from pathlib import Path

import pytest
import torch

from effmeter.errors import UsageError
from effmeter.lab.workloads import ARCHITECTURES, Recipe, Shape, check, prepare
from effmeter.lab.workloads.metrics import accuracy
from effmeter.lab.workloads.models.catalogue import MODELS
from effmeter.lab.workloads.options import resolve

CLASSIFIERS = [model.name for model in MODELS.values() if model.task == "classification"]


def test_every_classifier_can_be_trained() -> None:
    assert set(CLASSIFIERS) <= ARCHITECTURES.keys()


@pytest.mark.parametrize("name", ["resnet20", "densenet121", "mobilenetv2"])
def test_a_larger_size_is_a_wider_network(name: str) -> None:
    architecture = ARCHITECTURES[name]
    options = resolve(name, architecture.options, {})
    with torch.device("meta"):
        models = [architecture.build(n, Shape(1, 10, 100), options)[0] for n in (1, 2)]
    one, two = (sum(p.numel() for p in model.parameters()) for model in models)
    assert 3.0 < two / one < 4.1


def test_a_convolutional_network_learns_the_digits() -> None:
    logged: list[dict[str, float]] = []

    def log(_: int, /, **metrics: float) -> None:
        logged.append(metrics)

    options = (("width", 8), ("shifts", 0))
    recipe = Recipe("cnn2", device="cpu", batch_size=32, options=options)
    prepare(recipe).run(range(2), log)
    assert logged[-1]["accuracy"] > 0.8


def test_attributes_are_learned_one_by_one() -> None:
    architecture = ARCHITECTURES["cnn2"]
    options = resolve("cnn2", architecture.options, {"width": 2})
    model, objective = architecture.build(
        1, Shape(3, 40, 100, side=64, has_attributes=True), options
    )
    labels = torch.zeros(4, 40, dtype=torch.int64)
    labels[:, :10] = 1
    scores = model(torch.zeros(4, 3, 64, 64))
    assert scores.shape == (4, 40)
    assert objective(scores, labels).item() > 0.0
    assert accuracy(labels * 2.0 - 1.0, labels) == 1.0
    assert accuracy(torch.ones(4, 40), labels) == 0.25


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe("lenet", "celeba", data_dir=Path()), "lenet reads images of 32x32 pixels with"),
        (Recipe("bcnn", "imagenet", data_dir=Path()), "workloads for it are cnn2, resnet14"),
        (
            Recipe("cnn2", "celeba", data_dir=Path(), folds=2, fold=1),
            "no class to split them by: leave out the folds",
        ),
        (
            Recipe("cnn2", "celeba", data_dir=Path(), metrics=("f1",)),
            "the only metric of the attributes of celeba is accuracy",
        ),
        (Recipe("cnn2", "cifar100"), "cifar100 does not come with a package"),
    ],
)
def test_what_does_not_go_together_is_refused(recipe: Recipe, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check(recipe)
