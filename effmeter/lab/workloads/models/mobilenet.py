"""MobileNetV2 for small images.

Source: Sandler et al., MobileNetV2, Table 2. As is usual for CIFAR, the stem and the second group
of blocks have stride 1, so that 32x32 pixels become 4x4 at the end.
"""

from collections.abc import Iterator

from torch import Tensor, nn

# Expansion, channels, blocks and stride of the first, for each group.
_GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_STEM = 32
_HEAD = 1280
_MULTIPLE = 8


class MobileNetV2(nn.Sequential):
    """Class scores (B, ``classes``) from images (B, ``channels``, H, W) of any size.

    ``width`` multiplies the channels, rounded to a multiple of eight, those of the last
    convolution only upwards. ``dropout`` precedes the classifier (0.2 in the common ImageNet
    training).
    """

    def __init__(
        self,
        width: float = 1.0,
        *,
        dropout: float = 0.0,
        channels: int = 3,
        classes: int = 10,
    ) -> None:
        super().__init__()
        inputs = _rounded(_STEM * width)
        self.add_module("stem", nn.Sequential(*_unit(channels, inputs, 3)))
        blocks = nn.Sequential()
        for expansion, factor, depth, first_stride in _GROUPS:
            outputs = _rounded(factor * width)
            for number in range(depth):
                stride = 1 if number else first_stride
                blocks.append(_InvertedResidual(inputs, outputs, stride, expansion))
                inputs = outputs
        head = _rounded(_HEAD * max(1.0, width))
        self.add_module("blocks", blocks)
        self.add_module("head", nn.Sequential(*_unit(inputs, head, 1)))
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        if dropout:
            self.add_module("dropout", nn.Dropout(dropout))
        self.add_module("classifier", nn.Linear(head, classes))


class _InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow; added to its input where shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.path = nn.Sequential(
            *(_unit(inputs, hidden, 1) if expansion > 1 else ()),
            *_unit(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        narrowed: Tensor = self.path(features)
        return features + narrowed if self.is_residual else narrowed


def _unit(
    inputs: int, outputs: int, kernel_size: int, stride: int = 1, groups: int = 1
) -> Iterator[nn.Module]:
    padding = kernel_size // 2
    yield nn.Conv2d(inputs, outputs, kernel_size, stride, padding, groups=groups, bias=False)
    yield nn.BatchNorm2d(outputs)
    yield nn.ReLU6()


def _rounded(channels: float) -> int:
    """To a multiple of eight, losing at most a tenth."""
    nearest = max(_MULTIPLE, int(channels + _MULTIPLE / 2) // _MULTIPLE * _MULTIPLE)
    return nearest + _MULTIPLE if nearest < 0.9 * channels else nearest
