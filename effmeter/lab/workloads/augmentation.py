"""Training images changed each time they are seen, as is usual for small photographs."""

import torch
from torch import Tensor
from torch.nn.functional import pad

MARGIN = 4


def crops_and_flips(
    images: Tensor, generator: torch.Generator, margin: int = MARGIN, background: float = 0.0
) -> Tensor:
    """Each image (B, C, H, W) moved by up to ``margin`` pixels, and mirrored in half of the cases.

    What comes in at an edge is ``background``, by default the mean of standardised images.
    ``generator`` is on the CPU.
    """
    rows, _, height, width = images.shape
    moves = torch.randint(0, 2 * margin + 1, (2, rows), generator=generator).to(images.device)
    mirrored = torch.rand(rows, generator=generator).to(images.device) < 0.5
    y = moves[0, :, None] + torch.arange(height, device=images.device)
    x = moves[1, :, None] + torch.arange(width, device=images.device)
    x = torch.where(mirrored[:, None], x.flip(1), x)
    padded = pad(images, (margin,) * 4, value=background)
    place = torch.arange(rows, device=images.device)[:, None, None]
    # Indexed dimensions come first, so the channels are last.
    return padded[place, :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2).contiguous()
