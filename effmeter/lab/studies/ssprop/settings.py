"""On what, and for how long, each scale of the study trains."""

from dataclasses import dataclass

from effmeter.lab.studies.variant import Network, Variant, dense_variant
from effmeter.lab.workloads import Recipe
from effmeter.lab.workloads.options import OptionValue


@dataclass(frozen=True, slots=True)
class Generation:
    """A diffusion model, what it learns to draw, and for how long."""

    dataset: str
    epochs: int
    options: tuple[tuple[str, OptionValue], ...]
    batch_size: int = 128
    learning_rate: float = 1e-3

    @property
    def dense(self) -> Variant:
        """Its dense training."""
        recipe = Recipe(
            "ddpm",
            self.dataset,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            metrics=("fid", "error"),
            options=self.options,
            method="dense",
        )
        return Variant(recipe, self.epochs)

    @property
    def looks_through_inception(self) -> bool:
        """Whether its distances are taken as published ones are."""
        return ("features", "inception") in self.options


@dataclass(frozen=True, slots=True)
class Course:
    """A data set, and the epochs of the smaller and of the larger network on it."""

    dataset: str
    small_epochs: int
    large_epochs: int


@dataclass(frozen=True, slots=True)
class SspropSettings:
    """What stands for the paper's ResNet-18, ResNet-50 and ResNet-26, and what is learned."""

    name: str
    summary: str
    courses: tuple[Course, ...]
    dropout_courses: tuple[Course, ...]
    """Of Tables 6 and 7."""
    small: Network
    large: Network
    dropout: Network
    """Trained with and without Dropout for Table 6."""
    smaller_dense: Network
    """Dense, and about as much work as the larger network with the method."""
    batch_size: int
    learning_rate: float
    sensitivity: Network
    sensitivity_course: tuple[str, int]
    """Data set and epochs of the sensitivity study and the search."""
    periods: tuple[int, ...]
    """In iterations."""
    learning_rates: tuple[float, ...]
    batch_sizes: tuple[int, ...]
    generation: tuple[Generation, ...]
    """The diffusion models of Table 5."""

    def variant(self, network: Network, dataset: str, epochs: int) -> Variant:
        """The dense training of a network."""
        common = Recipe("", dataset, batch_size=self.batch_size, learning_rate=self.learning_rate)
        return dense_variant(network, epochs, common)

    @property
    def sensitivity_variant(self) -> Variant:
        """The dense training of the sensitivity study and the search."""
        return self.variant(self.sensitivity, *self.sensitivity_course)


_CIFAR = (Course("cifar10", 50, 250), Course("cifar100", 50, 250))
_PUBLISHED_DISTANCE = (("features", "inception"), ("generated", 10_000))

TINY = SspropSettings(
    "tiny",
    "scikit-learn's digits, narrow networks, minutes on two cores",
    courses=(Course("digits", 8, 8),),
    dropout_courses=(Course("digits", 8, 8),),
    small=("resnet18", 4),
    large=("resnet26", 4),
    dropout=("cnn2", 16),
    smaller_dense=("resnet18", 4),
    batch_size=64,
    learning_rate=1e-3,
    sensitivity=("cnn2", 8),
    sensitivity_course=("digits", 8),
    periods=(10, 30, 100),
    learning_rates=(3e-4, 1e-3, 3e-3),
    batch_sizes=(32, 128),
    generation=(
        Generation(
            "digits",
            10,
            (("shifts", 0), ("side", "8"), ("steps", 50), ("generated", 300)),
        ),
    ),
)
SMALL = SspropSettings(
    "small",
    "MNIST and CIFAR-10, networks a quarter as wide, ten epochs",
    courses=(Course("mnist", 10, 10), Course("cifar10", 10, 10)),
    dropout_courses=(Course("cifar10", 10, 10),),
    small=("resnet18", 16),
    large=("resnet50", 16),
    dropout=("resnet18", 16),
    smaller_dense=("resnet26", 16),
    batch_size=128,
    learning_rate=2e-4,
    sensitivity=("resnet18", 16),
    sensitivity_course=("cifar10", 10),
    periods=(30, 100, 300),
    learning_rates=(1e-4, 2e-4, 1e-3),
    batch_sizes=(64, 128, 256),
    generation=(Generation("mnist", 10, ()),),
)
FULL = SspropSettings(
    "full",
    "the paper's data sets and networks; run it part by part, since it takes long",
    courses=(
        Course("mnist", 50, 50),
        Course("fashion-mnist", 50, 50),
        *_CIFAR,
        Course("celeba", 50, 50),
        Course("imagenet", 50, 50),
    ),
    dropout_courses=_CIFAR,
    small=("resnet18", 64),
    large=("resnet50", 64),
    dropout=("resnet18", 64),
    smaller_dense=("resnet26", 64),
    batch_size=128,
    learning_rate=2e-4,
    sensitivity=("resnet18", 64),
    sensitivity_course=("cifar10", 50),
    periods=(30, 100, 300),
    learning_rates=(1e-4, 2e-4, 1e-3),
    batch_sizes=(64, 128, 256),
    generation=(
        Generation("mnist", 500, _PUBLISHED_DISTANCE),
        Generation("fashion-mnist", 500, _PUBLISHED_DISTANCE),
        Generation(
            "celeba-faces",
            100,
            (("width", 128), ("multipliers", "1-2-2-2"), ("steps", 1000), *_PUBLISHED_DISTANCE),
            learning_rate=2e-4,
        ),
    ),
)
"""Published are the epochs on MNIST and CIFAR-10; the others, of the diffusion models too, the
number of generated images, and what the sensitivity study and the search train, were decided
here."""
