"""The settings of a training, checked before anything is loaded."""

import math
from dataclasses import dataclass
from pathlib import Path

from effmeter.errors import UnfitError, UsageError
from effmeter.lab.workloads.architectures import ARCHITECTURES, Architecture
from effmeter.lab.workloads.datasets.catalogue import DATASETS, Dataset
from effmeter.lab.workloads.options import OptionValue, resolve
from effmeter.methods.registry import check_method_names

METRICS = {
    "accuracy": "fraction of the images that are classified correctly",
    "balanced_accuracy": "mean over the classes of the fraction that is classified correctly",
    "f1": "mean over the classes of the harmonic mean of precision and recall",
}
"""What can be logged of the training, validation and test parts."""
ERROR, FID = "error", "fid"
DENOISING_METRICS = {
    ERROR: "mean squared error of the noise",
    FID: "Fréchet distance of generated images from those learned, once, after the last epoch",
}
"""What can be logged of a diffusion model."""
_SIDE = 32
OPTIMIZERS = {"adam": "Adam", "sgd": "stochastic gradient descent with a momentum of 0.9"}
AUGMENTATIONS = ("none", "crops-and-flips")

_NOT_FOR_DENOISING = ("optimizer", "learning_rate_decay", "augmentation")


@dataclass(frozen=True, slots=True)
class Recipe:
    """All settings of one training; the same recipe gives the same training."""

    architecture: str
    dataset: str = "digits"
    size: int = 1
    seed: int = 0
    """Of the weights, the order of batches and the noise; the parts of the data follow
    ``split_seed``, so that runs of other seeds learn from the same images."""
    device: str = "auto"
    """``auto`` (the accelerator, if there is one), ``cpu``, ``cuda``, ``mps``."""
    batch_size: int = 256
    folds: int | None = None
    """None: the data set's own training and test parts (of the digits: a fifth is held out). A
    number: all images are pooled and split into this many folds, class by class."""
    fold: int | None = None
    """Which part is held out for testing, from 1 to ``folds``."""
    validation_fraction: float = 0.0
    """Of the training part, held out by class and logged as ``validation_accuracy``."""
    split_seed: int = 0
    metrics: tuple[str, ...] = ("accuracy",)
    """Names in ``METRICS``; of a diffusion model in ``DENOISING_METRICS``, and ``error`` always."""
    options: tuple[tuple[str, OptionValue], ...] = ()
    """Options of the architecture and the data set, by name; values also as text."""
    data_dir: Path | None = None
    """A folder of local files; in it a folder named like the data set comes first. The data
    sets that come with a package ignore it."""
    download: bool = False
    """Whether the data may be downloaded from Hugging Face if no folder is named."""
    optimizer: str = "adam"
    """A name in ``OPTIMIZERS``."""
    learning_rate: float = 1e-3
    learning_rate_decay: float | str = 1.0
    """What the learning rate is multiplied by after each epoch; ``cosine``: it falls to 0 over
    the planned epochs."""
    augmentation: str = "none"
    """``none``, or ``crops-and-flips``: each time it is trained on, an image is moved by up to 4
    pixels and mirrored or not."""
    method: str | None = None
    """The method, such as ``gskip:hold=2`` or ``e2-train+deadhorse:policy=cdh``. None
    counts no work; ``dense`` leaves nothing out and counts it."""


def check(recipe: Recipe) -> None:
    """UsageError, one line with the remedy, for what cannot be trained; nothing is loaded."""
    architecture, dataset = architecture_of(recipe), dataset_of(recipe)
    sizes = architecture.sizes
    if recipe.size not in sizes:
        raise UsageError(
            f"{architecture.name} has sizes {sizes[0]} to {sizes[-1]}, not {recipe.size}"
        )
    _check_numbers(recipe)
    _check_folds(recipe)
    _check_match(recipe, architecture, dataset)
    _check_side(recipe, architecture)
    if recipe.method is not None:
        check_method_names(recipe.method)
    if dataset.needs_files and recipe.data_dir is None and not recipe.download:
        raise UsageError(
            f"{dataset.name} does not come with a package: name a folder that holds its files "
            "(--data-dir), or allow the download from Hugging Face (--download)"
        )


def resolved_options(recipe: Recipe) -> dict[str, OptionValue]:
    """Every option of architecture and data set with its value; UsageError for unknown ones."""
    architecture, dataset = architecture_of(recipe), dataset_of(recipe)
    given = dict(recipe.options)
    if len(given) < len(recipe.options):
        raise UsageError("an option is given twice")
    return resolve(
        f"{architecture.name} on {dataset.name}",
        {**architecture.options, **dataset.options},
        given,
    )


def architecture_of(recipe: Recipe) -> Architecture:
    """The architecture of that name; UsageError lists them."""
    if recipe.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UsageError(f"unknown workload {recipe.architecture!r}; choose from {known}")
    return ARCHITECTURES[recipe.architecture]


def dataset_of(recipe: Recipe) -> Dataset:
    """The data set of a recipe; UsageError as ``dataset_named``."""
    return dataset_named(recipe.dataset)


def dataset_named(name: str) -> Dataset:
    """The data set of that name; UsageError lists them."""
    if name not in DATASETS:
        raise UsageError(f"unknown data set {name!r}; choose from {', '.join(DATASETS)}")
    return DATASETS[name]


def _check_numbers(recipe: Recipe) -> None:
    for name, seed in (("a seed", recipe.seed), ("a split seed", recipe.split_seed)):
        if not 0 <= seed < 2**32:
            raise UsageError(f"{name} must be a whole number from 0 to {2**32 - 1}, not {seed}")
    if recipe.batch_size < 1:
        raise UsageError(f"a batch must hold 1 image or more, not {recipe.batch_size}")
    if not 0.0 <= recipe.validation_fraction < 1.0:
        raise UsageError(
            "the validation part must be a fraction from 0 to below 1, not "
            f"{recipe.validation_fraction:g}"
        )
    if not (math.isfinite(recipe.learning_rate) and recipe.learning_rate > 0.0):
        raise UsageError(
            f"the learning rate must be a number above 0, not {recipe.learning_rate:g}"
        )
    decay = recipe.learning_rate_decay
    if decay != "cosine" and not (isinstance(decay, int | float) and 0.0 < decay <= 1.0):
        raise UsageError(
            "the decay of the learning rate must be cosine, or a factor above 0 and up to 1, not "
            f"{decay}"
        )
    if recipe.optimizer not in OPTIMIZERS:
        raise UsageError(
            f"unknown optimizer {recipe.optimizer!r}; choose from {', '.join(OPTIMIZERS)}"
        )
    if recipe.augmentation not in AUGMENTATIONS:
        raise UsageError(
            f"unknown augmentation {recipe.augmentation!r}; choose from {', '.join(AUGMENTATIONS)}"
        )
    known = (*METRICS, *DENOISING_METRICS)
    unknown = [name for name in recipe.metrics if name not in known]
    if unknown or not recipe.metrics:
        named = f"unknown metric {unknown[0]!r}" if unknown else "no metric"
        raise UsageError(f"{named}; choose from {', '.join(known)}")


def _check_match(recipe: Recipe, architecture: Architecture, dataset: Dataset) -> None:
    """What one architecture or one way of splitting cannot do with a data set."""
    if architecture.denoises or not METRICS.keys() >= set(recipe.metrics):
        _check_denoising(recipe, architecture)
        return
    if not architecture.is_general and (dataset.has_attributes or dataset.image_size > 32):
        general = ", ".join(name for name, known in ARCHITECTURES.items() if known.is_general)
        raise UnfitError(
            f"{architecture.name} reads images of 32x32 pixels with one class each, not "
            f"{dataset.name}; workloads for it are {general}"
        )
    if dataset.has_attributes and (recipe.folds is not None or recipe.validation_fraction):
        raise UnfitError(
            f"images of {dataset.name} have no class to split them by: leave out the folds and "
            "the validation part"
        )
    if dataset.has_attributes and recipe.metrics != ("accuracy",):
        raise UnfitError(f"the only metric of the attributes of {dataset.name} is accuracy")


def _check_denoising(recipe: Recipe, architecture: Architecture) -> None:
    if not architecture.denoises:
        known = ", ".join(METRICS)
        raise UnfitError(f"{architecture.name} is not a diffusion model: its metrics are {known}")
    if not DENOISING_METRICS.keys() >= set(recipe.metrics):
        known = " and ".join(DENOISING_METRICS)
        raise UnfitError(f"{architecture.name} is a diffusion model: its metrics are {known}")
    usual = Recipe(recipe.architecture)
    if any(getattr(recipe, name) != getattr(usual, name) for name in _NOT_FOR_DENOISING):
        raise UnfitError(
            f"{architecture.name} is trained with AdamW, without augmentation and decay of the "
            "learning rate"
        )


def _check_side(recipe: Recipe, architecture: Architecture) -> None:
    """Also that every option is known."""
    side = int(resolved_options(recipe).get("side", _SIDE))
    if side != _SIDE and not architecture.is_general:
        raise UnfitError(f"{architecture.name} reads only images of {_SIDE}x{_SIDE} pixels")


def _check_folds(recipe: Recipe) -> None:
    folds, fold = recipe.folds, recipe.fold
    if folds is None:
        if fold is not None:
            raise UsageError(f"fold {fold} needs the number of folds too")
        return
    if folds < 2:
        raise UsageError(f"a data set must be split into 2 folds or more, not {folds}")
    if fold is None or not 1 <= fold <= folds:
        given = "" if fold is None else f", not {fold}"
        raise UsageError(f"name the held-out fold, from 1 to {folds}{given}")
