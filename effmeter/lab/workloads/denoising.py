"""The training of a diffusion model in the reference loop.

Source: Zhong et al., ssProp: AdamW, batches of 128; on MNIST and FashionMNIST a rate of 1e-3 and
200 steps of noise, on CelebA 2e-4 and 1000.
"""

from collections.abc import Callable

import torch
from torch import nn

from effmeter.lab.workloads.data import LabelledImages, Split
from effmeter.lab.workloads.diffusion import Diffusion, Schedule
from effmeter.lab.workloads.generation import GenerationDistance
from effmeter.lab.workloads.objectives import mean_error
from effmeter.lab.workloads.randomness import RandomStream
from effmeter.lab.workloads.recipe import FID
from effmeter.lab.workloads.training import Training
from effmeter.methods.method import Method

BATCH_SIZE = 128
LEARNING_RATE = 1e-3


def denoising_training(
    build: Callable[[], nn.Module],
    data: Split,
    seed: int,
    device: torch.device,
    *,
    steps: int = 200,
    schedule: Schedule = "cosine",
    learning_rate: float = LEARNING_RATE,
    batch_size: int = BATCH_SIZE,
    method: Method | None = None,
    distance_of: Callable[[Split], GenerationDistance] | None = None,
) -> Training:
    """A training of the network that ``build`` makes; its ``model`` is the ``Diffusion``.

    Logs ``error`` in the place of an accuracy: the mean squared error of the noise, of which
    ``loss`` is that of the training part. Weights, the order of batches and all noise follow from
    ``seed`` alone. Images are brought to -1 to 1; labels are not looked at. ``distance_of`` makes
    of such data what measures, after the last epoch, ``fid``.
    """
    randomness = RandomStream(seed, device)
    with randomness.flowing():
        model = Diffusion(build(), steps, schedule)
    model.to(device)
    scaled = symmetric(data).to(device)
    distance = None if distance_of is None else distance_of(scaled)
    return Training(
        model,
        scaled,
        mean_error,
        torch.optim.AdamW(model.parameters(), lr=learning_rate),
        torch.Generator().manual_seed(seed),
        randomness,
        batch_size,
        {"error": lambda errors, _: float(errors.mean())},
        method=method,
        closing_metrics={} if distance is None else {FID: lambda: distance.from_images_of(model)},
    )


def symmetric(data: Split) -> Split:
    """Images of -1, black, to 1, white, of each channel's extremes in the training part."""
    least = data.train.images.amin(dim=(0, 2, 3), keepdim=True)
    greatest = data.train.images.amax(dim=(0, 2, 3), keepdim=True)

    def scaled(part: LabelledImages) -> LabelledImages:
        images = (part.images - least) / (greatest - least) * 2.0 - 1.0
        return LabelledImages(images, part.labels)

    validation = None if data.validation is None else scaled(data.validation)
    return Split(scaled(data.train), scaled(data.test), validation)
