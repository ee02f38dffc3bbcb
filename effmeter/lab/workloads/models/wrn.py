"""Wide residual networks for small images, without the second batch norm of each block.

Source: Zagoruyko and Komodakis, Wide residual networks: a 3x3 stem of 16 channels, three stages
of pre-activated basic blocks with 16, 32 and 64 times ``factor`` channels, (depth - 4) / 6 blocks
each. As in Boumendil et al., Grow, prune or select data, no batch norm stands between the two
convolutions of a block, so that units can be added there without changing what the network does.
"""

from torch import Tensor, nn

from effmeter.errors import UnfitError


class WideResNet(nn.Sequential):
    """Class scores (B, ``classes``) from images (B, ``channels``, H, W) of any size.

    ``hidden`` is the width between the two convolutions of a block, as a fraction of the width
    of its stage: 1, and 0.25 in the paper's small baseline. ``width`` is that of the stem.
    """

    def __init__(
        self,
        depth: int = 28,
        factor: int = 1,
        hidden: float = 1.0,
        *,
        width: int = 16,
        channels: int = 3,
        classes: int = 10,
    ) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise UnfitError(f"a wide residual network is 10, 16, 22, 28, ... deep, not {depth}")
        self.add_module("stem", nn.Conv2d(channels, width, 3, padding=1, bias=False))
        inputs = width
        for stage in range(3):
            outputs = width * factor * 2**stage
            blocks = nn.Sequential()
            for number in range((depth - 4) // 6):
                stride = 2 if stage and not number else 1
                between = max(1, round(outputs * hidden))
                blocks.append(_PreActivated(inputs, between, outputs, stride))
                inputs = outputs
            self.add_module(f"stage{stage + 1}", blocks)
        self.add_module("norm", nn.BatchNorm2d(inputs))
        self.add_module("activation", nn.ReLU())
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("classifier", nn.Linear(inputs, classes))


class _PreActivated(nn.Module):
    """Norm and activation, two convolutions with an activation between, and what skips them.

    A shortcut that changes the shape starts from the activated features, as in the source.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.activation = nn.ReLU()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, hidden, 3, stride, padding=1, bias=False),
            nn.ReLU(),
            nn.Conv2d(hidden, outputs, 3, padding=1, bias=False),
        )
        self.shortcut = (
            nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, features: Tensor) -> Tensor:
        activated = self.activation(self.norm(features))
        beside = features if self.shortcut is None else self.shortcut(activated)
        summed: Tensor = self.path(activated) + beside
        return summed
