"""The reference training loop, and what it needs to start from a seed.

Who counts the epochs, who records and who stops is the caller's business: the loop takes an
iterable of epochs and hands each one back with its metrics. Random numbers come from streams of
its own, so a run depends on its seed and not on what ran before it in the program.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from effmeter.errors import UsageError
from effmeter.lab.workloads.data import LabelledImages, Split
from effmeter.lab.workloads.divergence import DivergenceError
from effmeter.lab.workloads.metrics import Metric, accuracy
from effmeter.lab.workloads.objectives import Objective
from effmeter.lab.workloads.optimizers import Decay, MakeOptimizer, adam
from effmeter.lab.workloads.randomness import RandomStream
from effmeter.methods.method import Batch, Method

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""From images (B, C, H, W) and a generator (on the CPU) to as many changed ones."""

BATCH_SIZE = 256
LEARNING_RATE = 1e-3

Epoch = TypeVar("Epoch")
LoggedEpoch = TypeVar("LoggedEpoch", contravariant=True)


class Log(Protocol[LoggedEpoch]):
    """Takes the metrics of an epoch: ``loss``, ``train_accuracy``, ``accuracy`` and others."""

    def __call__(self, epoch: LoggedEpoch, /, **metrics: float) -> None:
        """Keep the metrics of this epoch."""


@dataclass(frozen=True, slots=True)
class Training:
    """A model with everything that its training needs; ``run`` trains it."""

    model: nn.Module
    data: Split
    objective: Objective
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    """On the CPU; draws the order of the batches."""
    randomness: RandomStream
    """What the model draws: dropout, reparametrisation."""
    batch_size: int = BATCH_SIZE
    metrics: Mapping[str, Metric] = field(default_factory=lambda: {"accuracy": accuracy})
    augment: Augment | None = None
    """Changes the images of each batch before anything else sees them."""
    decay: Decay | None = None
    """How the learning rate falls; begun anew with each ``run``."""
    method: Method | None = None
    """None: dense steps whose work is not counted; ``Dense`` counts it."""
    closing_metrics: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    """Metrics of the trained model that cost too much for every epoch."""

    def run(
        self, epochs: Iterable[Epoch], log: Log[Epoch], planned_epochs: int | None = None
    ) -> None:
        """Train until ``epochs`` ends; after each one call ``log(epoch, ...)``.

        ``loss`` is the mean of the objective over the images, as they were trained on, and
        ``train_accuracy`` comes from the same scores, so that both cost no second pass;
        ``accuracy`` is that of the test part after the epoch, ``validation_accuracy`` that of
        the validation part if there is one; so for each metric. Raises DivergenceError after an
        epoch whose loss is not finite.

        With a method, ``loss`` and ``train_accuracy`` are of the rows that were trained on, and
        not logged where there was none; its work is logged under the names of ``Work.metrics``,
        and as ``method_active`` whether it has left out anything since training began (1 or 0).
        ``planned_epochs``, by default the length of ``epochs`` if it has one, is for methods
        and learning rates whose schedule depends on it.
        """
        if planned_epochs is None and isinstance(epochs, Sized):
            planned_epochs = len(epochs)
        decay = None if self.decay is None else self.decay(self.optimizer, planned_epochs)
        with self._method_attached():
            for number, epoch in enumerate(epochs):
                with self.randomness.flowing():
                    figures = _train_epoch(self, number, planned_epochs) | _held_out_figures(self)
                if decay is not None:
                    decay.step()
                log(epoch, **figures)
                loss = figures.get("loss", 0.0)
                if not math.isfinite(loss):
                    raise DivergenceError(number + 1, loss)

    def closing_figures(self) -> dict[str, float]:
        """Computes the closing metrics, after ``run``; no part of the training."""
        with self.randomness.flowing():
            return {name: metric() for name, metric in self.closing_metrics.items()}

    def _method_attached(self) -> AbstractContextManager[object]:
        if self.method is None:
            return nullcontext()
        return self.method.attach(self.model, self.optimizer)


def supervised_training(
    build: Callable[[], tuple[nn.Module, Objective]],
    data: Split,
    seed: int,
    device: torch.device,
    *,
    batch_size: int = BATCH_SIZE,
    make_optimizer: MakeOptimizer = adam,
    learning_rate: float = LEARNING_RATE,
    decay: Decay | None = None,
    augment: Augment | None = None,
    metrics: Mapping[str, Metric] | None = None,
    method: Method | None = None,
) -> Training:
    """A training on labels, by default with Adam at 1e-3 as in Cueto-Mendoza and Kelleher.

    Weights, the order of batches and the model's noise follow from ``seed`` alone; the
    program's own random state is left as it was.
    """
    randomness = RandomStream(seed, device)
    with randomness.flowing():
        model, objective = build()
    model.to(device)
    return Training(
        model,
        data.to(device),
        objective,
        make_optimizer(model.parameters(), learning_rate),
        torch.Generator().manual_seed(seed),
        randomness,
        batch_size,
        {"accuracy": accuracy} if metrics is None else metrics,
        augment,
        decay,
        method,
    )


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is the accelerator if there is one, else the CPU.

    UsageError for a device that this machine does not have.
    """
    available = torch.accelerator.is_available()
    accelerator = torch.accelerator.current_accelerator() if available else None
    if name == "auto":
        return accelerator if accelerator is not None else torch.device("cpu")
    if name != "cpu" and (accelerator is None or accelerator.type != name):
        found = "cpu" if accelerator is None else f"cpu or {accelerator.type}"
        raise UsageError(f"PyTorch finds no device {name!r} on this machine; use auto, {found}")
    return torch.device(name)


def scores_on(model: nn.Module, images: LabelledImages, batch_size: int = BATCH_SIZE) -> Tensor:
    """The scores (N, classes) of all images, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch) for batch, _ in images.batches(batch_size)])


def _train_epoch(training: Training, epoch: int, epochs: int | None) -> dict[str, float]:
    """Train on every image once, or on those that the method leaves, with the work of that."""
    training.model.train()
    method = training.method
    if method is None:
        return _train_batches(training)
    before = method.work()
    method.begin_epoch(epoch, epochs)
    figures = _train_batches(training)
    method.end_epoch(figures.get("loss", math.nan))
    work = (method.work() - before).metrics()
    return {**figures, **work, "method_active": float(method.active)}


def _train_batches(training: Training) -> dict[str, float]:
    """The epoch's loss and metrics; summed on the device, which is asked at the end."""
    images = training.data.train
    loss_sum = torch.zeros((), device=images.labels.device)
    trained: list[tuple[Tensor, Tensor]] = []
    for whole in images.shuffled_batches(training.batch_size, training.generator):
        if training.augment is not None:
            whole = replace(whole, inputs=training.augment(whole.inputs, training.generator))
        batch = whole if training.method is None else training.method.begin_step(whole)
        if batch is None:
            continue
        scores, loss = _step(training, batch)
        loss_sum += loss * len(batch)
        trained.append((scores, batch.targets))
    if not trained:
        return {}
    scores, labels = (torch.cat(part) for part in zip(*trained, strict=True))
    figures = {f"train_{name}": metric(scores, labels) for name, metric in training.metrics.items()}
    return {"loss": loss_sum.item() / len(labels), **figures}


def _step(training: Training, batch: Batch) -> tuple[Tensor, Tensor]:
    """The scores and the mean loss that one step trained on."""
    training.optimizer.zero_grad(set_to_none=True)
    scores = training.model(batch.inputs)
    loss = training.objective(scores, batch.targets)
    weighted = loss if batch.weight == 1.0 else loss * batch.weight
    weighted.backward()
    if training.method is not None:
        training.method.after_backward(weighted)
    training.optimizer.step()
    return scores.detach(), loss.detach()


def _held_out_figures(training: Training) -> dict[str, float]:
    """Every metric of the validation part, if there is one, and of the test part."""
    parts = {"validation_": training.data.validation, "": training.data.test}
    return {
        prefix + name: figure
        for prefix, part in parts.items()
        if part is not None
        for name, figure in _figures_on(training, part).items()
    }


def _figures_on(training: Training, part: LabelledImages) -> dict[str, float]:
    scores = scores_on(training.model, part, training.batch_size)
    return {name: metric(scores, part.labels) for name, metric in training.metrics.items()}
