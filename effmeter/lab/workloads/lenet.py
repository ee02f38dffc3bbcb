"""LeNet with softplus activations, in widths 1 to 5.

Source: Cueto-Mendoza and Kelleher, A framework for measuring the training efficiency of a neural
architecture. The network is a convolution to 6 channels, a pooling, a convolution to 16 channels,
a pooling, and linear layers 400-120-84-10, the kernels 5x5; a model of size n has n times as many
channels and hidden units.
"""

from collections.abc import Callable

from torch import Tensor, nn

from effmeter.errors import UnfitError

LayerOf = Callable[[int, int], nn.Module]
"""Makes a layer from its inputs and outputs."""


class LeNet(nn.Module):
    """Class scores (B, ``classes``) from images (B, ``channels``, 32, 32).

    ``size`` multiplies channels and hidden units. ``normal_weights`` draws every weight and bias
    from Normal(0, 1) as in the paper, from which the network learns less well;
    without it the framework's own initialisation stays. UnfitError for a size that is not 1 to 5.
    """

    def __init__(
        self,
        size: int = 1,
        *,
        normal_weights: bool = False,
        channels: int = 1,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.layers = lenet_layers(size, channels, classes)
        if normal_weights:
            for parameter in self.parameters():
                nn.init.normal_(parameter)

    def forward(self, images: Tensor) -> Tensor:
        """Unnormalised scores of each class."""
        scores: Tensor = self.layers(images)
        return scores


def _convolution(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, kernel_size=5)


def lenet_layers(
    size: int,
    channels: int,
    classes: int,
    *,
    convolution: LayerOf = _convolution,
    linear: LayerOf = nn.Linear,
    after_activation: Callable[[], nn.Module] | None = None,
) -> nn.Sequential:
    """LeNet's layers in order, from images (B, ``channels``, 32, 32) to scores (B, ``classes``).

    The layers of weights are made by ``convolution`` (5x5) and ``linear``; what
    ``after_activation`` makes stands before each of them but the first. The pooling, which the
    paper leaves open, takes the maximum. UnfitError for a size that is not 1 to 5.
    """
    if not 1 <= size <= 5:
        raise UnfitError(f"LeNet has sizes 1 to 5, not {size}")
    after = [] if after_activation is None else [after_activation]
    first, second, third, fourth = (width * size for width in (6, 16, 120, 84))
    blocks = (
        (convolution(channels, first), nn.Softplus(), nn.MaxPool2d(2)),
        (convolution(first, second), nn.Softplus(), nn.MaxPool2d(2), nn.Flatten()),
        (linear(second * 5 * 5, third), nn.Softplus()),
        (linear(third, fourth), nn.Softplus()),
    )
    hidden = [layer for block in blocks for layer in (*block, *(make() for make in after))]
    return nn.Sequential(*hidden, linear(fourth, classes))
