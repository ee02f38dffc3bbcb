"""On what, and for how long, each scale of the study trains."""

from dataclasses import dataclass

from effmeter.lab.studies.variant import Network, Variant, dense_variant
from effmeter.lab.workloads import Recipe


@dataclass(frozen=True, slots=True)
class GradientSettings:
    """What stands for the paper's networks, and how they are trained."""

    name: str
    summary: str
    datasets: tuple[str, ...]
    two_layers: Network
    plain: Network
    """In the place of VGG-19."""
    residual: Network
    """In the place of ResNet-20."""
    smaller: Network
    """In the place of ResNet-14."""
    epochs: int
    batch_size: int
    plateau: str
    """The plateau at which full gradients take over, in the method's text."""
    learning_rate: float = 1e-3
    final_rate_fraction: float = 0.1
    """What the exponential decay leaves of the learning rate; the paper's is not known."""
    augmentation: str = "none"

    def variant(self, network: Network, dataset: str) -> Variant:
        """The dense training of a network: Adam with exponential decay."""
        common = Recipe(
            "",
            dataset,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            learning_rate_decay=self.final_rate_fraction ** (1.0 / self.epochs),
            augmentation=self.augmentation,
        )
        return dense_variant(network, self.epochs, common)


TINY = GradientSettings(
    "tiny",
    "scikit-learn's digits, narrow networks, minutes on two cores",
    ("digits",),
    two_layers=("cnn2", 16),
    plain=("vgg11", 8),
    residual=("resnet20", 4),
    smaller=("resnet14", 4),
    epochs=6,
    batch_size=64,
    plateau="plateau_patience=1,plateau_threshold=0.5",
)
"""Digits are not mirrored. In six epochs no loss stands still: the switch is made where it falls
by less than half in an epoch."""
SMALL = GradientSettings(
    "small",
    "CIFAR-10, networks half as wide, twenty epochs",
    ("cifar10",),
    two_layers=("cnn2", 16),
    plain=("vgg19", 32),
    residual=("resnet20", 8),
    smaller=("resnet14", 8),
    epochs=20,
    batch_size=128,
    plateau="plateau_patience=2,plateau_threshold=0.01",
    augmentation="crops-and-flips",
)
FULL = GradientSettings(
    "full",
    "CIFAR-10, the paper's networks, a hundred epochs",
    ("cifar10",),
    two_layers=("cnn2", 32),
    plain=("vgg19", 64),
    residual=("resnet20", 16),
    smaller=("resnet14", 16),
    epochs=100,
    batch_size=128,
    plateau="plateau_patience=5",
    final_rate_fraction=0.01,
    augmentation="crops-and-flips",
)
"""The number of epochs was decided here."""
