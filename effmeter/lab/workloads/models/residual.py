"""The blocks of a U-Net that knows how noisy its images are.

Source: Nichol and Dhariwal, Improved denoising diffusion probabilistic models, and the code that
came with it.
"""

import math

import torch
from torch import Tensor, nn

from effmeter.lab.workloads.models.attention import SelfAttention

_LONGEST_PERIOD = 10_000.0


class NoiseLevelResidual(nn.Module):
    """Features (B, ``outputs``, H, W) from (B, ``inputs``, H, W) and an embedded step (B, E).

    The second convolution starts at zero, so that the block starts as its shortcut.
    """

    def __init__(
        self, inputs: int, outputs: int, embedding: int, groups: int, dropout: float
    ) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.GroupNorm(groups, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.embed = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outputs))
        self.leave = nn.Sequential(
            nn.GroupNorm(groups, outputs),
            nn.SiLU(),
            *([nn.Dropout(dropout)] if dropout else ()),
            zeroed(nn.Conv2d(outputs, outputs, 3, padding=1)),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """The embedded step is added to every pixel."""
        entered = self.enter(features) + self.embed(step)[:, :, None, None]
        added: Tensor = self.shortcut(features) + self.leave(entered)
        return added


class Stage(nn.ModuleList):
    """Modules in a row, of which residual blocks see the embedded step."""

    def forward(self, features: Tensor, step: Tensor) -> Tensor:
        """Through all of them."""
        for module in self:
            residual = isinstance(module, NoiseLevelResidual)
            features = module(features, step) if residual else module(features)
        return features


class Stages:
    """Makes the stages of one network."""

    def __init__(self, embedding: int, groups: int, heads: int, dropout: float) -> None:
        self._embedding, self._groups = embedding, groups
        self._heads, self._dropout = heads, dropout

    def block(self, inputs: int, outputs: int, attends: bool = False) -> Stage:
        """A residual block, and attention after it if it ``attends``."""
        attention = [SelfAttention(outputs, self._heads, self._groups)] if attends else []
        return Stage([self._residual(inputs, outputs), *attention])

    def middle(self, channels: int) -> Stage:
        """Between the way down and the way up."""
        return Stage(
            [
                self._residual(channels, channels),
                SelfAttention(channels, self._heads, self._groups),
                self._residual(channels, channels),
            ]
        )

    def _residual(self, inputs: int, outputs: int) -> NoiseLevelResidual:
        return NoiseLevelResidual(inputs, outputs, self._embedding, self._groups, self._dropout)


def halving(channels: int) -> Stage:
    """Between a level and the next coarser one."""
    return Stage([nn.Conv2d(channels, channels, 3, stride=2, padding=1)])


def doubling(channels: int) -> tuple[nn.Module, nn.Module]:
    """Between a level and the next finer one."""
    return nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(channels, channels, 3, padding=1)


def sinusoids(steps: Tensor, width: int) -> Tensor:
    """Steps (B,) as (B, ``width``) cosines and sines of periods that grow geometrically."""
    half = width // 2
    places = torch.arange(half, dtype=torch.float32, device=steps.device) / half
    angles = steps[:, None].float() * torch.exp(-math.log(_LONGEST_PERIOD) * places)
    return torch.cat((angles.cos(), angles.sin()), dim=1)


def zeroed(convolution: nn.Conv2d) -> nn.Conv2d:
    """The same convolution, giving zeros."""
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)
    return convolution
