"""From stored images to what a model reads: large enough, standardised by the training part."""

import itertools
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from effmeter.lab.workloads.data import LabelledImages
from effmeter.lab.workloads.datasets.arrays import LabelledArrays

IMAGE_SIZE = 32
"""Pixels along each side that every architecture reads; smaller images are enlarged to it."""


def enlarged(
    arrays: LabelledArrays, how: Literal["pad", "interpolate"], side: int = IMAGE_SIZE
) -> LabelledImages:
    """Images of 0 to 1, of ``side`` x ``side`` pixels or, if they are larger, of their own size.

    A smaller image gets a margin of 0 around it, or is filtered bilinearly.
    """
    images = torch.from_numpy(arrays.images).to(torch.float32).div_(arrays.white)
    labels = torch.from_numpy(arrays.labels)
    missing = max(0, side - images.shape[-1])
    if missing and how == "interpolate":
        images = interpolate(images, size=(side, side), mode="bilinear")
        # Of one channel it leaves strides that stand for either layout, and a convolution takes
        # them for channels-last: so would the whole network be, whose narrow layers crash in
        # PyTorch 2.13 on several threads.
        images = images.clone(memory_format=torch.contiguous_format)
    elif missing:
        before, after = missing // 2, missing - missing // 2
        images = pad(images, (before, after, before, after))
    return LabelledImages(images, labels)


def scale_of(images: LabelledImages) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel over all images and pixels, (1, C, 1, 1)."""
    deviation, mean = torch.std_mean(images.images, dim=(0, 2, 3), keepdim=True)
    return mean, deviation


def standardised(images: LabelledImages, mean: Tensor, deviation: Tensor) -> LabelledImages:
    """The images with that mean taken off, in units of that deviation."""
    return LabelledImages((images.images - mean) / deviation, images.labels)


def shifted(images: LabelledImages, pixels: int) -> LabelledImages:
    """All images moved by every combination of ``-pixels``, 0 and ``pixels`` along both axes.

    What comes in at an edge is 0. Nine times as many images, or the same ones if ``pixels`` is 0.
    """
    if pixels == 0:
        return images
    side = images.images.shape[-1]
    padded = pad(images.images, (pixels,) * 4)
    corners = list(itertools.product((2 * pixels, pixels, 0), repeat=2))
    moved = [padded[:, :, y : y + side, x : x + side] for y, x in corners]
    return LabelledImages(torch.cat(moved), images.labels.repeat(len(corners)))
