"""The network of a denoising diffusion model: a U-Net that knows how noisy its images are.

Source: Nichol and Dhariwal, Improved denoising diffusion probabilistic models, with the settings
of Zhong et al., ssProp: width 16 and multipliers 1-2-4 for images of 32x32 pixels and one channel
(51 two-dimensional convolutions), width 128 and 1-2-2-2 for CelebA at 64x64 (65 of them). Where
the paper is silent this follows its published code: group norm of 16 groups, attention of eight
heads in the middle and after the first two blocks of the coarsest level on either way.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from effmeter.errors import UnfitError
from effmeter.lab.workloads.models.residual import (
    Stage,
    Stages,
    doubling,
    halving,
    sinusoids,
    zeroed,
)

_EMBEDDING = 4


class UNet(nn.Module):
    """The noise in images (B, ``channels``, H, W) at steps (B,), of the shape of the images.

    H and W are multiples of 2^(levels - 1). Level n has ``width`` times ``multipliers[n]``
    channels and ``blocks`` residual blocks, one more on the way up, where each also reads what a
    stage of the same level gave on the way down. The first ``attention_blocks`` of the coarsest
    level are followed by self-attention of ``heads`` heads. UnfitError for a width that is no
    multiple of ``groups``.
    """

    def __init__(
        self,
        width: int = 16,
        multipliers: Sequence[int] = (1, 2, 4),
        *,
        channels: int = 1,
        blocks: int = 2,
        attention_blocks: int = 2,
        heads: int = 8,
        groups: int = 16,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if width % groups:
            raise UnfitError(f"the U-Net's width is a multiple of {groups}, not {width}")
        self._width = width
        self._multiple = 2 ** (len(multipliers) - 1)
        self.embed = nn.Sequential(
            nn.Linear(width, _EMBEDDING * width),
            nn.SiLU(),
            nn.Linear(_EMBEDDING * width, _EMBEDDING * width),
        )
        stages = Stages(_EMBEDDING * width, groups, heads, dropout)
        widths = [width * multiplier for multiplier in multipliers]
        stem = Stage([nn.Conv2d(channels, width, 3, padding=1)])
        down, skips = _way_down(stages, width, widths, blocks, attention_blocks)
        self.down = nn.ModuleList([stem, *down])
        self.middle = stages.middle(widths[-1])
        self.up = nn.ModuleList(_way_up(stages, skips, widths, blocks, attention_blocks))
        self.head = nn.Sequential(
            nn.GroupNorm(groups, widths[0]),
            nn.SiLU(),
            zeroed(nn.Conv2d(widths[0], channels, 3, padding=1)),
        )

    def forward(self, images: Tensor, steps: Tensor) -> Tensor:
        """UnfitError for images whose sides cannot be halved at every level."""
        if any(side % self._multiple for side in images.shape[2:]):
            raise UnfitError(
                f"the U-Net reads images whose sides are multiples of {self._multiple}"
            )
        embedded = self.embed(sinusoids(steps, self._width))
        features, skipped = images, []
        for stage in self.down:
            features = stage(features, embedded)
            skipped.append(features)
        features = self.middle(features, embedded)
        for stage in self.up:
            features = stage(torch.cat((features, skipped.pop()), dim=1), embedded)
        noise: Tensor = self.head(features)
        return noise


def _way_down(
    stages: Stages, inputs: int, widths: Sequence[int], blocks: int, attention_blocks: int
) -> tuple[list[Stage], list[int]]:
    """The stages after the stem, and the channels that each stage gives, the stem's first."""
    down, skips = [], [inputs]
    for level, outputs in enumerate(widths):
        is_coarsest = level == len(widths) - 1
        for number in range(blocks):
            down.append(stages.block(inputs, outputs, is_coarsest and number < attention_blocks))
            inputs = outputs
        if not is_coarsest:
            down.append(halving(outputs))
        skips += [outputs] * (blocks + (not is_coarsest))
    return down, skips


def _way_up(
    stages: Stages, skips: list[int], widths: Sequence[int], blocks: int, attention_blocks: int
) -> list[Stage]:
    """The stages back to the size of the images; each takes one of ``skips``, the last first."""
    up, inputs = [], widths[-1]
    for level in reversed(range(len(widths))):
        is_coarsest, outputs = level == len(widths) - 1, widths[level]
        for number in range(blocks + 1):
            attends = is_coarsest and number < attention_blocks
            up.append(stages.block(inputs + skips.pop(), outputs, attends))
            inputs = outputs
        if level:
            up[-1].extend(doubling(outputs))
    return up
