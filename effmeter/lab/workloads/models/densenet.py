"""DenseNet-121 for small images.

Source: Huang et al., Densely connected convolutional networks, Table 1 (DenseNet-BC): blocks of
6, 12, 24 and 16 layers, growth 32, compression 1/2. As is usual for CIFAR, the stem is a 3x3
convolution of stride 1 without pooling.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_BOTTLENECK = 4
_COMPRESSION = 2


class DenseNet(nn.Sequential):
    """Class scores (B, ``classes``) from images (B, ``channels``, H, W), at least 8x8 pixels.

    Every layer of a block of ``depths`` layers adds ``growth`` channels to those before it.
    """

    def __init__(
        self,
        depths: Sequence[int] = (6, 12, 24, 16),
        growth: int = 32,
        *,
        channels: int = 3,
        classes: int = 10,
    ) -> None:
        super().__init__()
        width = 2 * growth
        self.add_module("stem", nn.Conv2d(channels, width, 3, padding=1, bias=False))
        for block, depth in enumerate(depths):
            if block:
                self.add_module(f"transition{block}", _transition(width))
                width //= _COMPRESSION
            layers = (_Layer(width + number * growth, growth) for number in range(depth))
            self.add_module(f"block{block + 1}", nn.Sequential(*layers))
            width += depth * growth
        self.add_module("norm", nn.BatchNorm2d(width))
        self.add_module("activation", nn.ReLU())
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("classifier", nn.Linear(width, classes))


class _Layer(nn.Module):
    """The channels so far with ``growth`` new ones in front."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        hidden = _BOTTLENECK * growth
        self.path = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, growth, 3, padding=1, bias=False),
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat((self.path(features), features), dim=1)


def _transition(inputs: int) -> nn.Module:
    return nn.Sequential(
        nn.BatchNorm2d(inputs),
        nn.ReLU(),
        nn.Conv2d(inputs, inputs // _COMPRESSION, 1, bias=False),
        nn.AvgPool2d(2),
    )
