"""A convolutional network of two layers, the smallest that gradient approximation is tried on.

Source: Wang et al., Accelerated CNN training through gradient approximation, which names a
two-layer network without its shape. Taken here: 3x3 convolutions to ``width`` and twice as many
channels, each followed by an activation and a pooling, and one linear layer.
"""

from itertools import pairwise

from torch import nn


class CNN2(nn.Sequential):
    """Class scores (B, ``classes``) from images (B, ``channels``, H, W).

    ``image_size`` is (H, W), each at least 4; ``width`` is the channels of the first convolution,
    ``kernel_size`` an odd number. ``dropout`` above 0 follows both activations.
    """

    def __init__(
        self,
        width: int = 32,
        *,
        kernel_size: int = 3,
        channels: int = 3,
        classes: int = 10,
        image_size: tuple[int, int] = (32, 32),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        height, breadth = (side // 4 for side in image_size)
        widths = channels, width, 2 * width
        for number, (inputs, outputs) in enumerate(pairwise(widths), 1):
            convolution = nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2)
            self.add_module(f"conv{number}", convolution)
            self.add_module(f"activation{number}", nn.ReLU())
            if dropout:
                self.add_module(f"dropout{number}", nn.Dropout(dropout))
            self.add_module(f"pool{number}", nn.MaxPool2d(2))
        self.add_module("flatten", nn.Flatten())
        self.add_module("classifier", nn.Linear(2 * width * height * breadth, classes))
