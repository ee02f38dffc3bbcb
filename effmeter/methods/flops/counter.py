"""The work of a training iteration, counted without training.

The model and its images may live on torch's meta device, where nothing is computed: a forward
pass shows every layer the shapes that it would meet.
"""

import torch
from torch import Tensor, nn

from effmeter.errors import UnfitError
from effmeter.methods.flops.work import Work
from effmeter.methods.method import Batch, Dense, Method


def work_per_iteration(
    model: nn.Module,
    images: Tensor,
    *others: Tensor,
    method: Method | None = None,
    epochs: int | None = None,
) -> Work:
    """The work of one iteration on a batch of ``images``, on average over a method's schedule.

    ``others`` are what else the model takes, a row for each image. ``epochs`` is the length of
    the training, for schedules that depend on it. UnfitError for a method whose work follows from
    the data or from chance.
    """
    method = Dense() if method is None else method
    cycle = method.cycle(epochs)
    if cycle is None:
        raise UnfitError(
            f"what {method.name} skips follows from the data or from chance: "
            "its work is known only from a training"
        )
    model.train()
    with method.attach(model, torch.optim.SGD(model.parameters(), lr=0.0)):
        for epoch in range(cycle.epochs):
            method.begin_epoch(epoch, epochs or cycle.epochs)
            for _ in range(cycle.batches):
                _step(method, model, images, others)
    return method.work() * (1.0 / (cycle.epochs * cycle.batches))


def iterations(samples: int, batch: int, epochs: int) -> float:
    """How often a training steps; a last batch that is not full counts as a fraction.

    In the convention of ssProp's tables ``samples`` are those for training and for validation.
    """
    return samples / batch * epochs


def _step(method: Method, model: nn.Module, images: Tensor, others: tuple[Tensor, ...]) -> None:
    targets = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    batch = method.begin_step(Batch(images, targets))
    if batch is not None:
        model(batch.inputs, *(other[: len(batch)] for other in others))
