"""A small training that any method plugs into, as a user's own loop would have it."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from effmeter.methods.method import Batch, Method

ROWS, BATCH_SIZE, CLASSES = 48, 8, 3
BATCHES = ROWS // BATCH_SIZE


def small_network() -> nn.Sequential:
    """Convolutions, batch norm, dropout and linear layers for images (1, 8, 8)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(96, 16),
            nn.ReLU(),
            nn.Linear(16, CLASSES),
        )


def images() -> tuple[Tensor, Tensor]:
    """Noise with a bright bar whose place is the class."""
    generator = torch.Generator().manual_seed(6)
    targets = torch.randint(CLASSES, (ROWS,), generator=generator)
    inputs = 0.3 * torch.randn(ROWS, 1, 8, 8, generator=generator)
    inputs[torch.arange(ROWS), 0, 2 * targets] += 1.0
    return inputs, targets


@dataclass
class Trainee:
    """A model with its optimizer, the order of its data, and what the loop saw."""

    model: nn.Sequential = field(default_factory=small_network)
    learning_rate: float = 0.05
    shuffle: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(7))
    offered: list[list[int]] = field(default_factory=list)
    trained: list[list[int]] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), self.learning_rate, momentum=0.9, weight_decay=1e-4
        )

    def train(
        self, method: Method, epochs: int = 2, first: int = 0, total: int | None = None
    ) -> None:
        """The loop of the documentation, with batches drawn by a generator of its own."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(first)
            for epoch in range(first, first + epochs):
                self._train_epoch(method, epoch, total)

    def _train_epoch(self, method: Method, epoch: int, total: int | None) -> None:
        inputs, targets = images()
        losses = [0.0]
        self.model.train()
        method.begin_epoch(epoch, total)
        for rows in torch.randperm(ROWS, generator=self.shuffle).split(BATCH_SIZE):
            self.offered.append(rows.tolist())
            batch = method.begin_step(Batch(inputs[rows], targets[rows], rows))
            if batch is None:
                self.trained.append([])
                continue
            self.optimizer.zero_grad()
            loss = cross_entropy(self.model(batch.inputs), batch.targets) * batch.weight
            loss.backward()
            method.after_backward(loss)
            self.optimizer.step()
            assert batch.index is not None
            self.trained.append(batch.index.tolist())
            self.weights.append(batch.weight)
            losses.append(loss.item())
        method.end_epoch(sum(losses) / BATCHES)

    @property
    def rows_trained(self) -> int:
        return sum(map(len, self.trained))


def trained_with(method: Method, epochs: int = 2, total: int | None = None) -> Trainee:
    """A fresh trainee, trained."""
    trainee = Trainee()
    with method.attach(trainee.model, trainee.optimizer):
        trainee.train(method, epochs, total=total)
    return trainee


def same_training(one: Trainee, other: Trainee) -> bool:
    """Whether weights, buffers and the optimizer's state agree bit for bit."""
    return _same(one.model.state_dict(), other.model.state_dict()) and _same(
        one.optimizer.state_dict(), other.optimizer.state_dict()
    )


def _same(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other
