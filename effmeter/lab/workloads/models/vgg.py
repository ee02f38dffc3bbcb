"""VGG networks for small images, with batch norm.

Source: Simonyan and Zisserman, Very deep convolutional networks, configurations A (VGG-11) and E
(VGG-19): five stages of 3x3 convolutions, each followed by a pooling. As is usual for CIFAR, one
linear layer replaces their three. Convolutions keep their biases, as in the common batch-norm
versions.
"""

from collections.abc import Sequence

from torch import nn

_WIDTHS = (1, 2, 4, 8, 8)
VGG11 = (1, 1, 2, 2, 2)
VGG19 = (2, 2, 4, 4, 4)


class VGG(nn.Sequential):
    """Class scores (B, ``classes``) from images (B, ``channels``, H, W) of any size.

    ``depths`` holds the convolutions of the five stages, of 1, 2, 4, 8 and 8 times ``width``
    channels. The pooling rounds up, so that 28x28 pixels reach the end as well.
    """

    def __init__(
        self,
        depths: Sequence[int] = VGG11,
        width: int = 64,
        *,
        channels: int = 3,
        classes: int = 10,
    ) -> None:
        super().__init__()
        features, inputs = nn.Sequential(), channels
        for depth, factor in zip(depths, _WIDTHS, strict=True):
            for _ in range(depth):
                outputs = width * factor
                features.append(nn.Conv2d(inputs, outputs, 3, padding=1))
                features.append(nn.BatchNorm2d(outputs))
                features.append(nn.ReLU())
                inputs = outputs
            features.append(nn.MaxPool2d(2, ceil_mode=True))
        self.add_module("features", features)
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("classifier", nn.Linear(inputs, classes))
