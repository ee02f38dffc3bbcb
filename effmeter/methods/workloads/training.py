"""The reference training loop, and what it needs to start from a seed.

Who counts the epochs, who records and who stops is the caller's business: the loop takes an
iterable of epochs and hands each one back with its metrics. Random numbers come from a generator
of its own, so a run depends on its seed and not on what ran before it in the program.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from effmeter.methods.workloads.data import LabelledImages, Split

BATCH_SIZE = 256
LEARNING_RATE = 1e-3

Epoch = TypeVar("Epoch")
LoggedEpoch = TypeVar("LoggedEpoch", contravariant=True)


class Log(Protocol[LoggedEpoch]):
    """Takes the metrics of an epoch: ``loss``, ``train_accuracy`` and ``accuracy``."""

    def __call__(self, epoch: LoggedEpoch, /, **metrics: float) -> None:
        """Keep the metrics of this epoch."""


@dataclass(frozen=True, slots=True)
class Training:
    """A model with everything that its training needs; ``run`` trains it."""

    model: nn.Module
    data: Split
    optimizer: torch.optim.Optimizer
    generator: torch.Generator

    def run(self, epochs: Iterable[Epoch], log: Log[Epoch]) -> None:
        """Train for as many epochs as ``epochs`` yields; see ``train``."""
        train(self.model, self.data, self.optimizer, epochs, log, self.generator)


def adam_training(
    build: Callable[[], nn.Module], data: Split, seed: int, device: str = "auto"
) -> Training:
    """A training with Adam at 1e-3, as in Cueto-Mendoza and Kelleher.

    Weights and the order of batches follow from ``seed`` alone; the program's own random state
    is left as it was. ValueError for a device that this machine does not have.
    """
    target = choose_device(device)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = build()
    model.to(target)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    generator = torch.Generator().manual_seed(seed)
    return Training(model, data.to(target), optimizer, generator)


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is the accelerator if there is one, else the CPU."""
    available = torch.accelerator.is_available()
    accelerator = torch.accelerator.current_accelerator() if available else None
    if name == "auto":
        return accelerator if accelerator is not None else torch.device("cpu")
    if name != "cpu" and (accelerator is None or accelerator.type != name):
        raise ValueError(f"PyTorch sees no device {name!r} on this machine; cpu always works")
    return torch.device(name)


def train(
    model: nn.Module,
    data: Split,
    optimizer: torch.optim.Optimizer,
    epochs: Iterable[Epoch],
    log: Log[Epoch],
    generator: torch.Generator,
    batch_size: int = BATCH_SIZE,
) -> None:
    """Train on cross-entropy until ``epochs`` ends; after each one call ``log(epoch, ...)``.

    ``loss`` and ``train_accuracy`` are means over the epoch's batches as they were trained on,
    so they cost no second pass; ``accuracy`` is that of the test part after the epoch. Both
    accuracies are fractions. ``generator`` (on the CPU) draws the order of the batches.
    """
    for epoch in epochs:
        loss, train_accuracy = _train_epoch(model, data.train, optimizer, generator, batch_size)
        log(
            epoch,
            loss=loss,
            train_accuracy=train_accuracy,
            accuracy=accuracy_on(model, data.test, batch_size),
        )


def _train_epoch(
    model: nn.Module,
    images: LabelledImages,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    batch_size: int,
) -> tuple[float, float]:
    """Mean loss and accuracy over the images; summed on the device, which is asked once."""
    model.train()
    summed = torch.zeros(2, device=images.labels.device)
    for batch, labels in images.shuffled_batches(batch_size, generator):
        optimizer.zero_grad(set_to_none=True)
        scores = model(batch)
        loss = cross_entropy(scores, labels)
        loss.backward()
        optimizer.step()
        summed += torch.stack((loss.detach() * len(labels), _correct(scores.detach(), labels)))
    loss_sum, correct = summed.tolist()
    return loss_sum / len(images), correct / len(images)


def accuracy_on(model: nn.Module, images: LabelledImages, batch_size: int = BATCH_SIZE) -> float:
    """The fraction of images that the model names rightly, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        correct = sum(
            _correct(model(batch), labels) for batch, labels in images.batches(batch_size)
        )
    return float(correct) / len(images)


def _correct(scores: Tensor, labels: Tensor) -> Tensor:
    """How many scores (B, classes) are highest at their label."""
    return (scores.argmax(dim=1) == labels).sum().to(torch.float32)
