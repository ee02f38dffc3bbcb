"""From a checked recipe to a training: the data split and scaled, the model on its device."""

from collections.abc import Callable, Mapping

from effmeter.lab.workloads.architectures import Architecture, Shape
from effmeter.lab.workloads.augmentation import crops_and_flips
from effmeter.lab.workloads.data import LabelledImages, Split
from effmeter.lab.workloads.datasets.arrays import LabelledArrays
from effmeter.lab.workloads.datasets.catalogue import Dataset
from effmeter.lab.workloads.datasets.loading import load_parts
from effmeter.lab.workloads.datasets.splits import fold_of, hold_out
from effmeter.lab.workloads.denoising import denoising_training
from effmeter.lab.workloads.generation import GenerationDistance
from effmeter.lab.workloads.images import IMAGE_SIZE, enlarged, scale_of, shifted, standardised
from effmeter.lab.workloads.metrics import METRICS
from effmeter.lab.workloads.optimizers import OPTIMIZERS, Decay, cosine, exponential
from effmeter.lab.workloads.options import OptionValue
from effmeter.lab.workloads.recipe import FID, Recipe
from effmeter.lab.workloads.training import Training, choose_device, supervised_training
from effmeter.methods.registry import parse_method


def assembled(
    recipe: Recipe,
    architecture: Architecture,
    dataset: Dataset,
    options: Mapping[str, OptionValue],
) -> Training:
    """The training of a checked recipe; errors as ``preparation.prepare`` states them."""
    device = choose_device(recipe.device)
    shifts, side = int(options.get("shifts", 0)), int(options.get("side", IMAGE_SIZE))
    data = split_of(recipe, dataset, shifts, side)
    shape = Shape(
        dataset.channels,
        dataset.classes,
        len(data.train),
        data.train.images.shape[-1],
        dataset.has_attributes,
    )
    method = None if recipe.method is None else parse_method(recipe.method, seed=recipe.seed)
    if architecture.denoises:
        return denoising_training(
            lambda: architecture.build(recipe.size, shape, options)[0],
            data,
            recipe.seed,
            device,
            steps=int(options["steps"]),
            learning_rate=recipe.learning_rate,
            batch_size=recipe.batch_size,
            method=method,
            distance_of=_distance_of(recipe, options),
        )
    return supervised_training(
        lambda: architecture.build(recipe.size, shape, options),
        data,
        recipe.seed,
        device,
        batch_size=recipe.batch_size,
        make_optimizer=OPTIMIZERS[recipe.optimizer],
        learning_rate=recipe.learning_rate,
        decay=_decay_of(recipe),
        augment=crops_and_flips if recipe.augmentation == "crops-and-flips" else None,
        metrics={name: METRICS[name] for name in recipe.metrics},
        method=method,
    )


def _decay_of(recipe: Recipe) -> Decay | None:
    if recipe.learning_rate_decay == "cosine":
        return cosine
    factor = float(recipe.learning_rate_decay)
    return exponential(factor) if factor < 1.0 else None


def _distance_of(
    recipe: Recipe, options: Mapping[str, OptionValue]
) -> Callable[[Split], GenerationDistance] | None:
    if FID not in recipe.metrics:
        return None
    count = int(options["generated"])
    published = options["features"] == "inception"
    return lambda data: GenerationDistance.of(data, count, published=published)


def split_of(recipe: Recipe, dataset: Dataset, shifts: int = 0, side: int = IMAGE_SIZE) -> Split:
    """Training, test and, if the recipe has one, validation part, on the CPU.

    All are standardised by the training part's mean and deviation; smaller images are brought to
    ``side`` x ``side`` pixels. Only the training part is enlarged by ``shifts``.
    """
    train, test = _parts_of(recipe, dataset)
    validation = None
    if recipe.validation_fraction:
        kept, held = hold_out(train.labels, recipe.validation_fraction, recipe.split_seed)
        train, validation = train.chosen(kept), train.chosen(held)
    learned = enlarged(train, dataset.enlarge, side)
    mean, deviation = scale_of(learned)

    def alike(part: LabelledArrays) -> LabelledImages:
        return standardised(enlarged(part, dataset.enlarge, side), mean, deviation)

    return Split(
        standardised(shifted(learned, shifts), mean, deviation),
        alike(test),
        None if validation is None else alike(validation),
    )


def _parts_of(recipe: Recipe, dataset: Dataset) -> tuple[LabelledArrays, LabelledArrays]:
    parts = load_parts(dataset, recipe.data_dir, recipe.download, recipe.split_seed)
    if recipe.folds is None or recipe.fold is None:
        return parts
    pooled = parts.pooled()
    rest, held = fold_of(
        pooled.labels, recipe.folds, recipe.fold, dataset.classes, recipe.split_seed
    )
    return pooled.chosen(rest), pooled.chosen(held)
