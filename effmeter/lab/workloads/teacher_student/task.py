"""What the students learn, and with what weights they begin; a trial is given by its seed.

Boumendil et al.: teacher 100:50:10, 1000 points drawn from a normal distribution, squared loss,
SGD at 0.01, batches of 100, 3500 iterations. Left open there and decided here: the loss is summed
over the outputs and averaged over the batch; the activation is a ReLU with slope 1 at 0; teacher
and students draw weights and biases as the framework does by default; students of one seed have
the same teacher, points and order of batches whatever the approach.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

INPUTS, OUTPUTS = 100, 10
TEACHER_HIDDEN = 50
POINTS = 1_000
BATCH_SIZE = 100
ITERATIONS = 3_500
LEARNING_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Task:
    """``points`` (POINTS, INPUTS) and the teacher's ``answers`` (POINTS, OUTPUTS)."""

    points: Tensor
    answers: Tensor


class Ramp(nn.Module):
    """max(x, 0) with slope 1 at 0, so that a unit born with weights 0 can learn."""

    def forward(self, values: Tensor) -> Tensor:
        """The same shape."""
        return values.clamp(min=0.0)


def perceptron(hidden: int) -> nn.Sequential:
    """A network INPUTS:``hidden``:OUTPUTS, drawn from torch's generator."""
    return nn.Sequential(nn.Linear(INPUTS, hidden), Ramp(), nn.Linear(hidden, OUTPUTS))


def draw_task(seed: int) -> Task:
    """The teacher of a trial and its answers."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(3 * seed)
        teacher = perceptron(TEACHER_HIDDEN)
        points = torch.randn(POINTS, INPUTS)
        return Task(points, teacher(points))


def draw_student(seed: int, hidden: int) -> nn.Sequential:
    """The student of a trial as it begins."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3 * seed + 1)
        return perceptron(hidden)


def batch_indices(seed: int) -> Iterator[Tensor]:
    """Which points (BATCH_SIZE,) each iteration of a trial takes, without end."""
    generator = torch.Generator().manual_seed(3 * seed + 2)
    while True:
        yield from torch.randperm(POINTS, generator=generator).split(BATCH_SIZE)


def squared_loss(outputs: Tensor, answers: Tensor) -> Tensor:
    """Summed over the outputs, mean over the batch."""
    return mse_loss(outputs, answers) * answers.shape[-1]
