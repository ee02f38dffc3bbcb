"""Residual networks for small images, of two families.

With widths 64-128-256-512 (Zhong et al., ssProp, for all its data sets, ImageNet too): a 3x3 stem
of stride 1 without pooling, four stages of strides 1, 2, 2, 2, projections of 1x1 convolution and
batch norm where a block changes the shape, a bottleneck's stride on its 3x3 convolution.
ResNet-18 has basic blocks 2-2-2-2 and ResNet-50 bottlenecks 3-4-6-3; ResNet-26 has basic blocks
2-3-5-2, as in the authors' published code.

With widths 16-32-64 (He et al., Deep residual learning, section 4.2): three stages of two
(ResNet-14) or three (ResNet-20) basic blocks, the shortcut that changes the shape without
parameters (option A).
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import pad

Block = Literal["basic", "bottleneck"]
Shortcut = Literal["projection", "padding"]

_EXPANSION = {"basic": 1, "bottleneck": 4}


class ResNet(nn.Sequential):
    """Class scores (B, ``classes``) from images (B, ``channels``, H, W) of any size.

    ``depths`` holds the blocks of each stage; the first stage has ``width`` channels and each
    further one twice as many, a ``bottleneck`` four times that at its end. ``shortcut`` is what
    changes the shape beside a block: a ``projection``, or ``padding`` with zeros after taking
    every second pixel. ``dropout`` above 0 follows every convolution, after its batch norm and
    activation, as in ssProp's code (its Table 6). Weights are the framework's default.
    """

    def __init__(
        self,
        depths: Sequence[int] = (2, 2, 2, 2),
        width: int = 64,
        *,
        block: Block = "basic",
        shortcut: Shortcut = "projection",
        dropout: float = 0.0,
        channels: int = 3,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.add_module("stem", nn.Sequential(*_unit(channels, width, 3, dropout=dropout)))
        inputs = width
        for stage, depth in enumerate(depths):
            hidden = width * 2**stage
            blocks = nn.Sequential()
            for number in range(depth):
                stride = 2 if stage and not number else 1
                blocks.append(_Residual(inputs, hidden, stride, block, shortcut, dropout))
                inputs = hidden * _EXPANSION[block]
            self.add_module(f"stage{stage + 1}", blocks)
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("classifier", nn.Linear(inputs, classes))


class _Residual(nn.Module):
    """A block with its shortcut; ``hidden`` is the width of its 3x3 convolutions."""

    def __init__(
        self,
        inputs: int,
        hidden: int,
        stride: int,
        block: Block,
        shortcut: Shortcut,
        dropout: float,
    ) -> None:
        super().__init__()
        path = _bottleneck_path if block == "bottleneck" else _basic_path
        self.path = nn.Sequential(*path(inputs, hidden, stride, dropout))
        self.shortcut: nn.Module = nn.Identity()
        outputs = hidden * _EXPANSION[block]
        if stride != 1 or inputs != outputs:
            self.shortcut = (
                _Padding(outputs - inputs, stride)
                if shortcut == "padding"
                else nn.Sequential(
                    *_unit(inputs, outputs, 1, stride, dropout=dropout, activated=False)
                )
            )
        self.activation = nn.ReLU()

    def forward(self, features: Tensor) -> Tensor:
        activated: Tensor = self.activation(self.path(features) + self.shortcut(features))
        return activated


class _Padding(nn.Module):
    """Every ``stride``-th pixel, with channels of zeros to the width of the block."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self._channels, self._stride = channels, stride

    def forward(self, features: Tensor) -> Tensor:
        picked = features[:, :, :: self._stride, :: self._stride]
        return pad(picked, (0, 0, 0, 0, 0, self._channels))


def _basic_path(inputs: int, hidden: int, stride: int, dropout: float) -> Iterator[nn.Module]:
    yield from _unit(inputs, hidden, 3, stride, dropout=dropout)
    yield from _unit(hidden, hidden, 3, dropout=dropout, activated=False)


def _bottleneck_path(inputs: int, hidden: int, stride: int, dropout: float) -> Iterator[nn.Module]:
    yield from _unit(inputs, hidden, 1, dropout=dropout)
    yield from _unit(hidden, hidden, 3, stride, dropout=dropout)
    outputs = hidden * _EXPANSION["bottleneck"]
    yield from _unit(hidden, outputs, 1, dropout=dropout, activated=False)


def _unit(
    inputs: int,
    outputs: int,
    kernel_size: int,
    stride: int = 1,
    *,
    dropout: float,
    activated: bool = True,
) -> Iterator[nn.Module]:
    """A convolution and what follows it."""
    yield nn.Conv2d(inputs, outputs, kernel_size, stride, padding=kernel_size // 2, bias=False)
    yield nn.BatchNorm2d(outputs)
    if activated:
        yield nn.ReLU()
    if dropout:
        yield nn.Dropout(dropout)
