"""LeNet with softplus activations, in widths 1 to 5.

Source: Cueto-Mendoza and Kelleher, A framework for measuring the training efficiency of a neural
architecture. The network is a convolution to 6 channels, a pooling, a convolution to 16 channels,
a pooling, and linear layers 400-120-84-10, the kernels 5x5; a model of size n has n times as many
channels and hidden units.
"""

from typing import Literal, get_args

from torch import Tensor, nn

Initialisation = Literal["default", "normal"]


class LeNet(nn.Module):
    """Class scores (B, ``classes``) from images (B, ``channels``, 32, 32).

    ``size`` 1 to 5 multiplies channels and hidden units. ``initialisation`` is ``"default"``, the
    framework's own, or ``"normal"``: every weight and bias drawn from Normal(0, 1) as in the
    paper, from which the network hardly learns within 50 epochs. The pooling, which the paper
    leaves open, takes the maximum. ValueError for any other size or initialisation.
    """

    def __init__(
        self,
        size: int = 1,
        initialisation: Initialisation = "default",
        *,
        channels: int = 1,
        classes: int = 10,
    ) -> None:
        super().__init__()
        if not 1 <= size <= 5:
            raise ValueError(f"LeNet has sizes 1 to 5, not {size}")
        if initialisation not in get_args(Initialisation):
            raise ValueError(f"{initialisation!r} is no initialisation: default or normal")
        self.features = nn.Sequential(
            *_convolution_block(channels, 6 * size),
            *_convolution_block(6 * size, 16 * size),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(
            nn.Linear(16 * size * 5 * 5, 120 * size),
            nn.Softplus(),
            nn.Linear(120 * size, 84 * size),
            nn.Softplus(),
            nn.Linear(84 * size, classes),
        )
        if initialisation == "normal":
            for parameter in self.parameters():
                nn.init.normal_(parameter)

    def forward(self, images: Tensor) -> Tensor:
        """Unnormalised scores of each class."""
        scores: Tensor = self.classifier(self.features(images))
        return scores


def _convolution_block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, kernel_size=5), nn.Softplus(), nn.MaxPool2d(2)
