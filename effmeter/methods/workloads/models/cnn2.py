"""A convolutional network of two layers, the smallest that gradient approximation is tried on.

Source: Wang et al., Accelerated CNN training through gradient approximation, which names a
two-layer network without its shape. Taken here: 3x3 convolutions to ``width`` and twice as many
channels, each followed by an activation and a pooling, and one linear layer.
"""

from torch import nn


class CNN2(nn.Sequential):
    """Class scores (B, ``classes``) from images (B, ``channels``, H, W).

    ``image_size`` is (H, W), each at least 4; ``width`` is the channels of the first convolution,
    ``kernel_size`` an odd number.
    """

    def __init__(
        self,
        width: int = 32,
        *,
        kernel_size: int = 3,
        channels: int = 3,
        classes: int = 10,
        image_size: tuple[int, int] = (32, 32),
    ) -> None:
        super().__init__()
        height, breadth = (side // 4 for side in image_size)
        self.add_module("conv1", nn.Conv2d(channels, width, kernel_size, padding=kernel_size // 2))
        self.add_module("activation1", nn.ReLU())
        self.add_module("pool1", nn.MaxPool2d(2))
        self.add_module("conv2", nn.Conv2d(width, 2 * width, kernel_size, padding=kernel_size // 2))
        self.add_module("activation2", nn.ReLU())
        self.add_module("pool2", nn.MaxPool2d(2))
        self.add_module("flatten", nn.Flatten())
        self.add_module("classifier", nn.Linear(2 * width * height * breadth, classes))
