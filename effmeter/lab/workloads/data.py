"""Labelled images on a device, split into what a model learns from and what it is tested on."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from effmeter.methods.method import Batch


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """``images`` (N, C, H, W) float32 and ``labels`` (N,) int64, on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """The number of images."""
        return len(self.labels)

    def to(self, device: torch.device) -> "LabelledImages":
        """The same images on another device."""
        return LabelledImages(self.images.to(device), self.labels.to(device))

    def shuffled_batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        """Every image once, with its place, in an order drawn from ``generator`` (on the CPU)."""
        order = torch.randperm(len(self), generator=generator).to(self.labels.device)
        for chosen in order.split(batch_size):
            yield Batch(self.images[chosen], self.labels[chosen], chosen)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every image once, in the order stored."""
        yield from zip(self.images.split(batch_size), self.labels.split(batch_size), strict=True)


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a data set, no two of which share an original image."""

    train: LabelledImages
    test: LabelledImages
    validation: LabelledImages | None = None

    def to(self, device: torch.device) -> "Split":
        """The same split on another device."""
        validation = None if self.validation is None else self.validation.to(device)
        return Split(self.train.to(device), self.test.to(device), validation)
