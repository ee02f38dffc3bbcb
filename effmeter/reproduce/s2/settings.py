"""On what, and for how long, each scale of the study trains."""

import math
from dataclasses import dataclass

from effmeter.methods.workloads import DATASETS, Recipe
from effmeter.methods.workloads.options import OptionValue
from effmeter.reproduce.variant import Variant

PAPER_ITERATIONS = 78_000
"""Of 200 epochs on 50 000 images in batches of 128, in round numbers."""
_PAPER_START, _PAPER_EVERY, _STEPS = 10_000, 2_500, 12
SMALL_FRACTION = 0.25
"""Of the widths of the big network: the small baseline, and what growing begins with."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network big and small, by the options that tell them apart."""

    architecture: str
    big: tuple[tuple[str, OptionValue], ...]
    small: tuple[tuple[str, OptionValue], ...]


def wide_resnet(architecture: str, width: int) -> Network:
    """A wide residual network, whose small baseline is narrow inside its blocks alone."""
    big = ("width", width)
    return Network(architecture, (big,), (big, ("hidden", SMALL_FRACTION)))


def vgg11(width: int) -> Network:
    """VGG-11, whose small baseline is narrow everywhere."""
    return Network(
        "vgg11", (("width", width),), (("width", max(1, round(width * SMALL_FRACTION))),)
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """What stands for the paper's networks and data, and how they are trained."""

    name: str
    summary: str
    tables: tuple[tuple[int, Network, str], ...]
    """The number of each table, with its network and data set."""
    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    final_rate_fraction: float = 0.1
    """What the exponential decay leaves of the learning rate."""
    augmentation: str = "none"

    def big(self, network: Network, dataset: str) -> Variant:
        """The training of the big baseline."""
        return self._variant(network.architecture, network.big, dataset)

    def small(self, network: Network, dataset: str) -> Variant:
        """The training of the small one."""
        return self._variant(network.architecture, network.small, dataset)

    def schedule(self, dataset: str) -> str:
        """When widths change, in a method's text: the paper's, in parts of the training."""
        steps_per_epoch = math.ceil(DATASETS[dataset].training_images / self.batch_size)
        share = steps_per_epoch * self.epochs / PAPER_ITERATIONS
        start = max(1, round(_PAPER_START * share))
        every = max(1, round(_PAPER_EVERY * share))
        return f"start={start},every={every},steps={_STEPS}"

    def _variant(
        self, architecture: str, options: tuple[tuple[str, OptionValue], ...], dataset: str
    ) -> Variant:
        still = (("shifts", 0),) if dataset == "digits" else ()
        recipe = Recipe(
            architecture,
            dataset,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            learning_rate_decay=self.final_rate_fraction ** (1.0 / self.epochs),
            augmentation=self.augmentation,
            options=(*options, *still),
            method="dense",
        )
        return Variant(recipe, self.epochs)


TINY = Settings(
    "tiny",
    "scikit-learn's digits, narrow and shallow networks, minutes on two cores",
    ((2, wide_resnet("wrn10-1", 8), "digits"), (4, vgg11(8), "digits")),
    epochs=10,
    batch_size=64,
    learning_rate=5e-3,
)
SMALL = Settings(
    "small",
    "CIFAR-10, networks half as wide, twenty epochs",
    ((2, wide_resnet("wrn28-1", 8), "cifar10"), (4, vgg11(32), "cifar10")),
    epochs=20,
    augmentation="crops-and-flips",
)
FULL = Settings(
    "full",
    "CIFAR-10 and CIFAR-100, the paper's networks, two hundred epochs",
    (
        (2, wide_resnet("wrn28-1", 16), "cifar10"),
        (3, wide_resnet("wrn28-1", 16), "cifar100"),
        (4, vgg11(64), "cifar10"),
    ),
    epochs=200,
    final_rate_fraction=0.01,
    augmentation="crops-and-flips",
)
"""Published are the first pair, the epochs and the batches; the other two pairs were decided
here."""
