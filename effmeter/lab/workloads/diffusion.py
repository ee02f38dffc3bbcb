"""Denoising diffusion: noise is added to images step by step, and a network learns to take it off.

Source: Ho et al., Denoising diffusion probabilistic models (Algorithms 1 and 2; Eq 7 and 12), with
the cosine schedule of Nichol and Dhariwal (Improved DDPM, Eq 17). Zhong et al., ssProp, train it
with 200 steps on MNIST and FashionMNIST and 1000 on CelebA; the paper does not name the schedule,
its scripts take the cosine.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from effmeter.errors import UsageError

Schedule = Literal["cosine", "linear"]

_COSINE_OFFSET = 0.008
_LARGEST_BETA = 0.999
_LINEAR_BETAS = (1e-4, 0.02)
_LINEAR_STEPS = 1000


class Diffusion(nn.Module):
    """The squared error of each image's noise (B,) from images (B, C, H, W) of -1 to 1.

    ``network`` takes noised images and steps (B,) of 0 to ``steps`` - 1 and says what the noise
    is. A loss is the mean of the errors: steps and noise are drawn from torch's generators at
    every call. ``clip`` holds the images that ``sample`` has in mind within -1 to 1.
    """

    def __init__(
        self,
        network: nn.Module,
        steps: int = 200,
        schedule: Schedule = "cosine",
        *,
        clip: bool = True,
    ) -> None:
        super().__init__()
        if steps < 1:
            raise UsageError(f"a diffusion model needs one step or more, not {steps}")
        self.network = network
        self.steps = steps
        self._clip = clip
        betas = cosine_betas(steps) if schedule == "cosine" else linear_betas(steps)
        kept = torch.cumprod(1.0 - betas, dim=0)
        before = torch.cat((torch.ones(1, dtype=torch.float64), kept[:-1]))
        self._keep("_signal", kept.sqrt())
        self._keep("_noise", (1.0 - kept).sqrt())
        self._keep("_of_clean", betas * before.sqrt() / (1.0 - kept))
        self._keep("_of_noised", (1.0 - before) * (1.0 - betas).sqrt() / (1.0 - kept))
        self._keep("_deviation", (betas * (1.0 - before) / (1.0 - kept)).sqrt())

    def forward(self, images: Tensor) -> Tensor:
        """Algorithm 1: the error of one random step for each image, averaged over its pixels."""
        steps = torch.randint(self.steps, (len(images),), device=images.device)
        noise = torch.randn_like(images)
        predicted: Tensor = self.network(self.noised(images, steps, noise), steps)
        return (predicted - noise).square().mean(dim=(1, 2, 3))

    def noised(self, images: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
        """Images after the given number of ``steps`` of noise, in one go."""
        return _at(self._signal, steps) * images + _at(self._noise, steps) * noise

    @torch.no_grad()
    def sample(self, count: int, shape: tuple[int, int, int]) -> Tensor:
        """Algorithm 2: ``count`` new images of ``shape`` (C, H, W), of about -1 to 1.

        In evaluation mode; the mode that the network was in is put back.
        """
        was_training = self.training
        self.eval()
        try:
            images = torch.randn(count, *shape, device=self._signal.device)
            for step in reversed(range(self.steps)):
                images = self._denoised(images, step)
        finally:
            self.train(was_training)
        return images

    def _denoised(self, images: Tensor, step: int) -> Tensor:
        """A draw from one step less, given what the network takes for noise."""
        steps = torch.full((len(images),), step, device=images.device)
        noise: Tensor = self.network(images, steps)
        clean = (images - self._noise[step] * noise) / self._signal[step]
        if self._clip:
            clean = clean.clamp(-1.0, 1.0)
        mean = self._of_clean[step] * clean + self._of_noised[step] * images
        # The last step adds none: its deviation is 0.
        return mean + self._deviation[step] * torch.randn_like(images)

    def _keep(self, name: str, values: Tensor) -> None:
        """As part of the model, moving with it, but no part of what is saved of it."""
        self.register_buffer(name, values.to(torch.float32), persistent=False)

    _signal: Tensor
    _noise: Tensor
    _of_clean: Tensor
    _of_noised: Tensor
    _deviation: Tensor


def cosine_betas(steps: int) -> Tensor:
    """The share of noise that each step adds (``steps``,), float64; Nichol and Dhariwal, Eq 17."""
    places = torch.arange(steps + 1, dtype=torch.float64) / steps
    angles = (places + _COSINE_OFFSET) / (1.0 + _COSINE_OFFSET) * math.pi / 2
    kept = angles.cos().square()
    return (1.0 - kept[1:] / kept[:-1]).clamp(max=_LARGEST_BETA)


def linear_betas(steps: int) -> Tensor:
    """The same from 1e-4 to 0.02 for 1000 steps (Ho et al., section 4), larger for fewer."""
    factor = _LINEAR_STEPS / steps
    first, last = (beta * factor for beta in _LINEAR_BETAS)
    return torch.linspace(first, last, steps, dtype=torch.float64).clamp(max=_LARGEST_BETA)


def _at(values: Tensor, steps: Tensor) -> Tensor:
    """One value for each image, to multiply it with."""
    return values[steps][:, None, None, None]
