"""What steps a training's weights, and how its learning rate falls."""

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LRScheduler

from effmeter.errors import UsageError

MakeOptimizer = Callable[[Iterable[nn.Parameter], float], Optimizer]
"""From parameters and a learning rate."""
Decay = Callable[[Optimizer, int | None], LRScheduler]
"""From an optimizer and the number of epochs that are planned, if it is known; stepped after each
epoch."""

MOMENTUM = 0.9


def adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> Optimizer:
    """Adam as the framework has it."""
    return Adam(parameters, lr=learning_rate)


def sgd(parameters: Iterable[nn.Parameter], learning_rate: float) -> Optimizer:
    """Stochastic gradient descent with a momentum of 0.9."""
    return SGD(parameters, lr=learning_rate, momentum=MOMENTUM)


OPTIMIZERS: dict[str, MakeOptimizer] = {"adam": adam, "sgd": sgd}
"""By the name that a recipe gives."""


def exponential(factor: float) -> Decay:
    """The rate is multiplied by ``factor`` after each epoch."""
    return lambda optimizer, _: ExponentialLR(optimizer, factor)


def cosine(optimizer: Optimizer, planned_epochs: int | None) -> LRScheduler:
    """The rate falls to 0 over the planned epochs; UsageError where their number is not known."""
    if planned_epochs is None:
        raise UsageError("a rate that falls as a cosine needs the number of epochs beforehand")
    return CosineAnnealingLR(optimizer, planned_epochs)
