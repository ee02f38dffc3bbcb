"""Small networks and the plain loop of a user, to try methods on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer

from effmeter.methods.method import Batch, Dense, Method

ROWS = 6
BATCHES = 4


def network() -> nn.Sequential:
    """Convolutions of several kinds, batch norm, dropout, two linear layers; always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(2, 10, 3, padding=1, bias=False),
            nn.BatchNorm2d(10),
            nn.ReLU(),
            nn.Conv2d(10, 8, 3, stride=2, padding=1, padding_mode="reflect"),
            nn.ReLU(),
            nn.Conv2d(8, 6, 3, padding="same"),
            nn.Dropout(0.2),
            nn.Flatten(),
            nn.Linear(6 * 16, 12),
            nn.ReLU(),
            nn.Linear(12, 5),
        )


def batches(epoch: int) -> list[Batch]:
    """What the data loader gives in an epoch, in an order of its own."""
    generator = torch.Generator().manual_seed(epoch)
    return [
        Batch(
            torch.randn(ROWS, 2, 8, 8, generator=generator),
            torch.randint(5, (ROWS,), generator=generator),
        )
        for _ in range(BATCHES)
    ]


@dataclass
class Loop:
    """A model, its optimizer and what they have seen."""

    model: nn.Sequential
    optimizer: Optimizer
    seen: list[Tensor]

    @classmethod
    def new(cls) -> "Loop":
        model = network()
        return cls(model, SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3), [])

    def run(self, method: Method, epochs: Sequence[int] = (0, 1), of: int = 4) -> None:
        """The loop of the documentation; the method is attached already."""
        for epoch in epochs:
            torch.manual_seed(epoch)
            method.begin_epoch(epoch, of)
            total = 0.0
            for given in batches(epoch):
                batch = method.begin_step(given)
                if batch is None:
                    continue
                self.seen.append(batch.inputs)
                self.optimizer.zero_grad()
                loss = cross_entropy(self.model(batch.inputs), batch.targets) * batch.weight
                loss.backward()
                method.after_backward(loss)
                self.optimizer.step()
                total += loss.item()
            method.end_epoch(total / BATCHES)

    def state(self) -> list[Tensor]:
        """All that training changes: parameters, statistics, gradients, the optimizer's slots."""
        slots = [v for s in self.optimizer.state.values() for v in s.values()]
        parameters = list(self.model.parameters())
        grown: list[Any] = [p.grad for p in parameters] + slots
        return [
            *self.model.state_dict().values(),
            *(tensor for tensor in grown if isinstance(tensor, Tensor)),
        ]


def trained(method: Method, epochs: Sequence[int] = (0, 1)) -> Loop:
    """A new loop that has run with a method, which is detached again."""
    loop = Loop.new()
    with method.attach(loop.model, loop.optimizer):
        loop.run(method, epochs)
    return loop


def untouched(epochs: Sequence[int] = (0, 1)) -> Loop:
    """A new loop that has run without a method."""
    return trained(Dense(), epochs)


def same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Bit for bit."""
    return len(one) == len(other) and all(map(torch.equal, one, other))
