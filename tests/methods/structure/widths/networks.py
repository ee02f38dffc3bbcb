"""Small networks whose widths can change, or cannot."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from effmeter.methods.method import Batch


class Residual(nn.Module):
    """A stem, one block with a skip connection, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.classifier = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images)
        features = features + self.second(functional.relu(self.first(features), inplace=True))
        scores: Tensor = self.classifier(features.mean((2, 3)))
        return scores


class Shared(nn.Module):
    """One layer, used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, values: Tensor) -> Tensor:
        twice: Tensor = self.layer(torch.tanh(self.layer(values)))
        return twice


class Flattening(nn.Module):
    """Flattens by ``view``; pooling and dropout are functions."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.classifier = nn.Linear(4 * 9, 4)

    def forward(self, images: Tensor) -> Tensor:
        features = functional.relu(self.norm(self.convolution(images)))
        features = functional.dropout(functional.max_pool2d(features, 2), 0.1, self.training)
        scores: Tensor = self.classifier(features.view(features.size(0), -1))
        return scores


def strided(activation: nn.Module | None = None, *, norm: bool = False) -> nn.Sequential:
    """Convolutions of several strides, paddings and dilations, and linear layers."""
    between = activation or nn.Tanh()
    norms = (nn.BatchNorm2d(8), nn.BatchNorm2d(8)) if norm else ()
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        *norms[:1],
        copy.deepcopy(between),
        nn.Conv2d(8, 8, (3, 2), stride=(1, 2), dilation=(2, 1), padding="valid"),
        *norms[1:],
        copy.deepcopy(between),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Flatten(),
        nn.Linear(8 * 2 * 2, 8),
        copy.deepcopy(between),
        nn.Linear(8, 4),
    )


def image_batch(rows: int = 6, size: int = 16, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(rows, 3, size, size, generator=generator, dtype=torch.float64)
    return Batch(images, torch.randint(0, 4, (rows,), generator=generator))
