"""On what, and for how long, each scale of the study trains."""

import math
from dataclasses import dataclass

from effmeter.lab.studies.variant import Variant
from effmeter.lab.workloads import DATASETS, Recipe
from effmeter.lab.workloads.options import OptionValue

PAPER_ITERATIONS = 78_000
"""Of 200 epochs on 50 000 images in batches of 128, in round numbers."""
_PAPER_START, _PAPER_EVERY, _STEPS = 10_000, 2_500, 12
SMALL_FRACTION = 0.25
"""Of the widths of the big network: the small baseline, and what growing begins with."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network, with the options of its big and of its small version."""

    architecture: str
    big: tuple[tuple[str, OptionValue], ...]
    small: tuple[tuple[str, OptionValue], ...]
    learning_rate: float
    selection_rate: float
    """The learning rate with data selection."""


def wide_resnet(architecture: str, width: int) -> Network:
    """A wide residual network, whose small baseline is narrow inside its blocks alone."""
    big = ("width", width)
    return Network(architecture, (big,), (big, ("hidden", SMALL_FRACTION)), 0.1, 0.1)


def vgg11(width: int) -> Network:
    """VGG-11, whose small baseline is narrow everywhere."""
    quarter = max(1, round(width * SMALL_FRACTION))
    return Network("vgg11", (("width", width),), (("width", quarter),), 0.05, 0.01)


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """What stands for the paper's networks and data, and how they are trained."""

    name: str
    summary: str
    tables: tuple[tuple[int, Network, str], ...]
    """The number of each table, with its network and data set."""
    epochs: int
    batch_size: int = 128
    augmentation: str = "none"

    def big(self, network: Network, dataset: str) -> Variant:
        """The training of the big baseline."""
        return self._variant(network, network.big, dataset)

    def small(self, network: Network, dataset: str) -> Variant:
        """The training of the small one."""
        return self._variant(network, network.small, dataset)

    def selection(self, network: Network, dataset: str, keep: float) -> Variant:
        """The training of the big one on this fraction of the batches."""
        dense = self._variant(network, network.big, dataset, network.selection_rate)
        return dense.using(f"e2-train:keep={keep:g}")

    def schedule(self, dataset: str) -> str:
        """When widths change, in a method's text: the paper's, in parts of the training."""
        steps_per_epoch = math.ceil(DATASETS[dataset].training_images / self.batch_size)
        share = steps_per_epoch * self.epochs / PAPER_ITERATIONS
        start = max(1, round(_PAPER_START * share))
        every = max(1, round(_PAPER_EVERY * share))
        return f"start={start},every={every},steps={_STEPS}"

    def _variant(
        self,
        network: Network,
        options: tuple[tuple[str, OptionValue], ...],
        dataset: str,
        learning_rate: float | None = None,
    ) -> Variant:
        still = (("shifts", 0),) if dataset == "digits" else ()
        recipe = Recipe(
            network.architecture,
            dataset,
            batch_size=self.batch_size,
            optimizer="sgd",
            learning_rate=learning_rate or network.learning_rate,
            learning_rate_decay="cosine",
            augmentation=self.augmentation,
            options=(*options, *still),
            method="dense",
        )
        return Variant(recipe, self.epochs)


TINY = SelectionSettings(
    "tiny",
    "scikit-learn's digits, narrow and shallow networks, minutes on two cores",
    ((2, wide_resnet("wrn10-1", 8), "digits"), (4, vgg11(8), "digits")),
    epochs=10,
    batch_size=64,
)
SMALL = SelectionSettings(
    "small",
    "CIFAR-10, networks half as wide, twenty epochs",
    ((2, wide_resnet("wrn28-1", 8), "cifar10"), (4, vgg11(32), "cifar10")),
    epochs=20,
    augmentation="crops-and-flips",
)
FULL = SelectionSettings(
    "full",
    "CIFAR-10 and CIFAR-100, the paper's networks, two hundred epochs",
    (
        (2, wide_resnet("wrn28-1", 16), "cifar10"),
        (3, wide_resnet("wrn28-1", 16), "cifar100"),
        (4, vgg11(64), "cifar10"),
    ),
    epochs=200,
    augmentation="crops-and-flips",
)
"""Published are the first pair, the epochs, the batches, the optimizer and its rates; the other two
pairs were decided here."""
