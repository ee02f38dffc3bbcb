"""One student, trained by the same loop and methods as any model: what energies are measured of."""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.optim import SGD, Optimizer

from effmeter.lab.workloads.teacher_student.approaches import Approach
from effmeter.lab.workloads.teacher_student.task import (
    ITERATIONS,
    LEARNING_RATE,
    Task,
    batch_indices,
    draw_student,
    draw_task,
    squared_loss,
)
from effmeter.methods.flops.work import Work
from effmeter.methods.method import Batch, Method


@dataclass(slots=True)
class StudentTrial:
    """A student with its task; ``train`` it once. What is prepared here need not be measured."""

    approach: Approach
    seed: int = 0
    task: Task = field(init=False)
    student: nn.Sequential = field(init=False)
    method: Method = field(init=False)

    def __post_init__(self) -> None:
        self.task = draw_task(self.seed)
        self.student = draw_student(self.seed, self.approach.hidden)
        self.method = self.approach.method(self.seed)

    def train(self, iterations: int = ITERATIONS) -> Work:
        """Train; returns the work."""
        optimizer = SGD(self.student.parameters(), lr=LEARNING_RATE)
        indices = batch_indices(self.seed)
        with self.method.attach(self.student, optimizer):
            for _, chosen in zip(range(iterations), indices, strict=False):
                self._step(optimizer, Batch(self.task.points[chosen], self.task.answers[chosen]))
        return self.method.work()

    def loss(self) -> float:
        """The loss on all points."""
        with torch.no_grad():
            return squared_loss(self.student(self.task.points), self.task.answers).item()

    def _step(self, optimizer: Optimizer, offered: Batch) -> None:
        batch = self.method.begin_step(offered)
        if batch is None:
            return
        optimizer.zero_grad()
        loss = squared_loss(self.student(batch.inputs), batch.targets) * batch.weight
        loss.backward()
        self.method.after_backward(loss)
        optimizer.step()
