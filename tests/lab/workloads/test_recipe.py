"""What a recipe refuses before anything is loaded, and what its options become."""

from pathlib import Path

import pytest

from effmeter.errors import UsageError
from effmeter.lab.workloads import (
    ARCHITECTURES,
    DATASETS,
    METRICS,
    Recipe,
    check,
    prepare,
    resolved_options,
)
from effmeter.lab.workloads.metrics import METRICS as COMPUTED_METRICS


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe("resnet"), "unknown workload 'resnet'; choose from lenet, bcnn"),
        (Recipe("lenet", "letters"), "unknown data set 'letters'; choose from digits, mnist"),
        (Recipe("lenet", size=0), "lenet has sizes 1 to 5, not 0"),
        (Recipe("bcnn", size=6), "bcnn has sizes 1 to 5, not 6"),
        (Recipe("lenet", seed=-1), "a seed must be a whole number from 0 to 4294967295, not -1"),
        (Recipe("lenet", split_seed=2**32), "a split seed must be a whole number"),
        (Recipe("lenet", batch_size=0), "a batch must hold 1 image or more, not 0"),
        (Recipe("lenet", validation_fraction=1.0), "a fraction from 0 to below 1, not 1"),
        (Recipe("lenet", metrics=("beauty",)), "unknown metric 'beauty'; choose from accuracy"),
        (Recipe("lenet", metrics=()), "no metric; choose from accuracy"),
        (Recipe("lenet", fold=1), "fold 1 needs the number of folds too"),
        (Recipe("lenet", folds=1, fold=1), "2 folds or more, not 1"),
        (Recipe("lenet", folds=5), "name the held-out fold, from 1 to 5"),
        (Recipe("lenet", folds=5, fold=0), "from 1 to 5, not 0"),
        (Recipe("lenet", folds=5, fold=6), "from 1 to 5, not 6"),
        (Recipe("lenet", options=(("beta", 1),)), "lenet on digits has no option 'beta'"),
        (Recipe("lenet", options=(("shifts", 1), ("shifts", 2))), "given twice"),
        (Recipe("lenet", options=(("initialisation", "xavier"),)), "default or normal, not 'xav"),
        (Recipe("lenet", options=(("shifts", "1.5"),)), "a whole number from 0, not '1.5'"),
        (Recipe("lenet", options=(("shifts", -1),)), "a whole number from 0, not -1"),
        (Recipe("lenet", options=(("shifts", float("inf")),)), "a whole number from 0, not inf"),
        (Recipe("bcnn", options=(("beta", "nan"),)), "a number from 0, not 'nan'"),
        (Recipe("bcnn", options=(("samples", 0),)), "a whole number from 1, not 0"),
        (Recipe("lenet", learning_rate=0.0), "the learning rate must be a number above 0, not 0"),
        (Recipe("lenet", learning_rate_decay=1.1), "a factor above 0 and up to 1, not 1.1"),
        (Recipe("lenet", learning_rate_decay="linear"), "must be cosine, or a factor above 0"),
        (Recipe("lenet", optimizer="lion"), "unknown optimizer 'lion'; choose from adam, sgd"),
        (
            Recipe("lenet", augmentation="blur"),
            "unknown augmentation 'blur'; choose from none, crops",
        ),
        (Recipe("lenet", metrics=("error",)), "lenet is not a diffusion model"),
        (Recipe("lenet", metrics=("accuracy", "fid")), "its metrics are accuracy, balanced"),
        (Recipe("lenet", options=(("side", "8"),)), "lenet reads only images of 32x32 pixels"),
        (Recipe("ddpm"), "ddpm is a diffusion model: its metrics are error and fid"),
        (
            Recipe("ddpm", metrics=("error",), augmentation="crops-and-flips"),
            "ddpm is trained with AdamW, without augmentation",
        ),
        (Recipe("ddpm", metrics=("error",), optimizer="sgd"), "ddpm is trained with AdamW"),
        (Recipe("lenet", method="gskip+magic"), "unknown method 'magic'; choose from dense"),
        (
            Recipe("lenet", "mnist"),
            r"name a folder that holds its files \(--data-dir\), or allow the download",
        ),
    ],
)
def test_what_cannot_be_trained_is_one_clear_line(recipe: Recipe, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        check(recipe)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_learns_the_digits_by_default(architecture: str) -> None:
    denoises = ARCHITECTURES[architecture].denoises
    check(Recipe(architecture, metrics=("error",) if denoises else ("accuracy",)))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("lenet", "mnist", data_dir=Path("somewhere")),
        Recipe("bcnn", "cifar10", download=True, folds=6, fold=6),
    ],
)
def test_data_that_need_files_pass_once_they_are_named_or_allowed(recipe: Recipe) -> None:
    check(recipe)


def test_options_may_be_text_and_the_others_take_their_defaults() -> None:
    recipe = Recipe("bcnn", options=(("beta", "0.5"), ("shifts", "0")))
    assert resolved_options(recipe) == {
        "posterior": "gaussian",
        "beta": 0.5,
        "loss": "per-image",
        "samples": 1,
        "shifts": 0,
        "side": "32",
    }


def test_no_option_belongs_to_an_architecture_and_a_data_set() -> None:
    for architecture in ARCHITECTURES.values():
        for dataset in DATASETS.values():
            assert architecture.options.keys().isdisjoint(dataset.options)


def test_every_option_takes_its_own_default() -> None:
    tables = [entry.options for entry in ARCHITECTURES.values()]
    tables += [entry.options for entry in DATASETS.values()]
    for option in (option for table in tables for option in table.values()):
        assert option.parse(option.default) == option.default
        assert option.parse(str(option.default)) == option.default
        assert option.summary


def test_the_metrics_that_are_listed_are_those_that_are_computed() -> None:
    assert METRICS.keys() == COMPUTED_METRICS.keys()


def test_preparing_refuses_what_the_check_refuses() -> None:
    with pytest.raises(UsageError, match="sizes 1 to 5, not 9"):
        prepare(Recipe("lenet", size=9))


def test_preparing_refuses_a_device_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="no device 'abacus'"):
        prepare(Recipe("lenet", device="abacus"))
