"""How good the images are that a diffusion model generates.

Published Fréchet distances look through an Inception network that has learned photographs. Small
grey images, and machines without its weights, get a network that has learned the labels of the
very data: its distances compare trainings on the same data with one another, and nothing else.
"""

import importlib
import math
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from effmeter.lab.workloads.data import LabelledImages, Split
from effmeter.lab.workloads.diffusion import Diffusion
from effmeter.lab.workloads.fid import coloured, frechet_distance, inception_weights
from effmeter.lab.workloads.models.cnn2 import CNN2
from effmeter.lab.workloads.objectives import Objective, attribute_loss
from effmeter.lab.workloads.training import supervised_training

_WIDTH = 16
_STEPS = 600
_BATCH_SIZE = 64
_GENERATED_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class GenerationDistance:
    """The Fréchet distance of generated images from those of the training part."""

    real: Tensor
    """(N, C, H, W) of -1 to 1."""
    count: int
    """Of images generated."""
    features: nn.Module | None
    """None: the Inception network, by its ``weights``."""
    weights: Path | None = None

    @classmethod
    def of(cls, data: Split, count: int, *, published: bool) -> "GenerationDistance":
        """From images of -1 to 1, through the network of published distances or a learned one.

        ModuleNotFoundError and FileNotFoundError as ``frechet_distance`` states them, before
        hours go into a training that could not be judged.
        """
        importlib.import_module("torchmetrics")
        if published:
            return cls(data.train.images, count, None, inception_weights())
        return cls(data.train.images, count, LearnedFeatures(data))

    def from_images_of(self, model: Diffusion) -> float:
        """Drawn from torch's generators."""
        _, channels, height, width = self.real.shape
        whole, rest = divmod(self.count, _GENERATED_AT_ONCE)
        counts = [_GENERATED_AT_ONCE] * whole + [rest] * (rest > 0)
        parts = [model.sample(count, (channels, height, width)) for count in counts]
        return frechet_distance(self.real, torch.cat(parts), self.features, weights=self.weights)


class LearnedFeatures(nn.Module):
    """Features (B, D) of images (B, 3, H, W) of 0 to 1, learned from the labels of ``data``.

    The maps of a two-layer convolutional network, averaged over their places; it is always
    trained from the same seed, and leaves the program's random numbers alone.
    """

    def __init__(self, data: Split) -> None:
        super().__init__()
        images, labels = coloured(data.train.images), data.train.labels
        has_attributes = labels.ndim == 2
        classes = labels.shape[1] if has_attributes else int(labels.max()) + 1
        loss: Objective = attribute_loss if has_attributes else cross_entropy
        side = images.shape[-1]
        part = LabelledImages(images, labels)
        training = supervised_training(
            lambda: (CNN2(_WIDTH, classes=classes, image_size=(side, side)), loss),
            Split(part, LabelledImages(images[:1], labels[:1])),  # nothing is tested
            seed=0,
            device=images.device,
            batch_size=_BATCH_SIZE,
            metrics={},
        )
        training.run(range(math.ceil(_STEPS * _BATCH_SIZE / len(images))), _log_nothing)
        layers = training.model.children()
        self.maps = nn.Sequential(
            *takewhile(lambda layer: not isinstance(layer, nn.Flatten), layers)
        )
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Averages of the last maps."""
        averages: Tensor = self.maps(images).mean(dim=(2, 3))
        return averages


def _log_nothing(_: int, /, **metrics: float) -> None:
    """How well it learned is not asked."""
