"""Many students of one approach, trained at once: every weight has an axis of trials in front.

Gradients are written out, and a student equals the one that ``StudentTrial`` trains from the same
seed. A student whose batch is skipped is not computed at all.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from effmeter.lab.workloads.teacher_student.approaches import BIG, Approach
from effmeter.lab.workloads.teacher_student.task import (
    LEARNING_RATE,
    batch_indices,
    draw_student,
    draw_task,
)
from effmeter.methods.structure.growing.directions import leading_directions
from effmeter.methods.structure.pruning.density import kept_counts
from effmeter.methods.structure.pruning.unstructured import random_mask

_GROWN_LENGTH = 0.5
"""Of new outgoing weights, in mean lengths of the old: the default of ``GradMax``."""


class Students:
    """The students of one approach, one for each seed, all at the same iteration.

    ``weights`` are those of the hidden units (trials, hidden, inputs), their biases, those of the
    outputs (trials, outputs, hidden), and theirs.
    """

    def __init__(self, approach: Approach, seeds: Sequence[int]) -> None:
        self.approach = approach
        tasks = [draw_task(seed) for seed in seeds]
        self._points = torch.stack([task.points for task in tasks])
        self._answers = torch.stack([task.answers for task in tasks])
        students = [draw_student(seed, approach.hidden) for seed in seeds]
        self._masks = _stacked(
            [_masks(student, approach, s) for student, s in zip(students, seeds, strict=True)]
        )
        self.weights = _stacked([_parameters(student) for student in students])
        self._apply_masks()
        self._gradients: list[Tensor] = []
        self._orders = [batch_indices(seed) for seed in seeds]
        self._draws = [approach.method(seed).generator for seed in seeds]
        self._iteration = 0

    def step(self) -> None:
        """One iteration of every student; one that skips steps with its last gradients again."""
        trials = self._kept_trials()
        rows = torch.stack([next(order) for order in self._orders])
        points, answers = _rows(self._points, rows, trials), _rows(self._answers, rows, trials)
        self._grow_if_due(points, answers)
        found = _gradients([_of(trials, weight) for weight in self.weights], points, answers)
        if trials is None:
            self._gradients = found
        else:
            for gradient, new in zip(self._gradients, found, strict=True):
                gradient[trials] = new
        for weight, gradient in zip(self.weights, self._gradients, strict=True):
            weight.sub_(gradient, alpha=LEARNING_RATE)
        self._apply_masks()
        self._iteration += 1

    def losses(self) -> Tensor:
        """The loss of each student (trials,) on all of its points."""
        *_, outputs = _forward(self.weights, self._points)
        return (outputs - self._answers).square_().sum(2).mean(1)

    def _kept_trials(self) -> Tensor | None:
        """Whose batch is trained on (places among the trials); None for all."""
        if self.approach.keep == 1.0:
            return None
        drawn = torch.stack([torch.rand((), generator=draw) for draw in self._draws])
        if self._iteration == 0:
            return None
        return (drawn < self.approach.keep).nonzero().squeeze(1)

    def _grow_if_due(self, points: Tensor, answers: Tensor) -> None:
        growth = self.approach.growth
        if growth is not None and (change := growth.due(self._iteration)):
            target = growth.width(self.approach.hidden, BIG, change)
            self._grow(points, answers, target - self.weights[0].shape[1])

    def _grow(self, points: Tensor, answers: Tensor, count: int) -> None:
        """GradMax: leading directions of the gradient of a bypass from inputs to outputs."""
        hidden, biases, outgoing, _ = self.weights
        *_, outputs = _forward(self.weights, points)
        bypass = _output_gradient(outputs, answers).mT @ points
        directions = leading_directions(bypass, count, self._draws[0])
        lengths = torch.linalg.vector_norm(outgoing, dim=1).mean(1) * _GROWN_LENGTH
        self.weights[0] = _lengthened(hidden, count, 1)
        self.weights[1] = _lengthened(biases, count, 1)
        self.weights[2] = torch.cat((outgoing, directions * lengths[:, None, None]), 2)

    def _apply_masks(self) -> None:
        for place, mask in zip((0, 2), self._masks, strict=False):
            self.weights[place].mul_(mask)


def _of(trials: Tensor | None, values: Tensor) -> Tensor:
    return values if trials is None else values.index_select(0, trials)


def _rows(values: Tensor, rows: Tensor, trials: Tensor | None) -> Tensor:
    """Of ``values`` (trials, points, ...) the ``rows`` (trials, n), for some trials or all."""
    count, points = values.shape[:2]
    places = _of(trials, rows + torch.arange(count)[:, None] * points)
    picked = values.flatten(0, 1).index_select(0, places.flatten())
    return picked.reshape(*places.shape, values.shape[-1])


def _forward(weights: Sequence[Tensor], points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of the hidden units, their activations, and the outputs (trials, points, ...)."""
    hidden, biases, outgoing, output_biases = weights
    sums = torch.baddbmm(biases[:, None], points, hidden.mT)
    active = sums.clamp(min=0.0)
    return sums, active, torch.baddbmm(output_biases[:, None], active, outgoing.mT)


def _output_gradient(outputs: Tensor, answers: Tensor) -> Tensor:
    return (outputs - answers).mul_(2.0 / outputs.shape[1])


def _gradients(weights: Sequence[Tensor], points: Tensor, answers: Tensor) -> list[Tensor]:
    """Of the squared loss on a batch, in the order of the weights."""
    sums, active, outputs = _forward(weights, points)
    to_outputs = _output_gradient(outputs, answers)
    to_sums = (to_outputs @ weights[2]).mul_(sums >= 0.0)
    return [
        to_sums.mT @ points,
        to_sums.sum(1),
        to_outputs.mT @ active,
        to_outputs.sum(1),
    ]


def _parameters(student: nn.Sequential) -> list[Tensor]:
    return [parameter.detach() for parameter in student.parameters()]


def _masks(student: nn.Sequential, approach: Approach, seed: int) -> list[Tensor]:
    """Those of ``ErPruning`` with this seed, as numbers; none for an approach without it."""
    if approach.density == 1.0:
        return []
    weights = [parameter for parameter in student.parameters() if parameter.ndim > 1]
    counts = kept_counts([tuple(weight.shape) for weight in weights], approach.density, "er")
    generator = approach.method(seed).generator
    drawn = [random_mask(w, n, generator) for w, n in zip(weights, counts, strict=True)]
    return [mask.to(torch.get_default_dtype()) for mask in drawn]


def _stacked(trials: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.stack(each) for each in zip(*trials, strict=True)]


def _lengthened(weights: Tensor, count: int, axis: int) -> Tensor:
    """With ``count`` zeros more along an axis."""
    shape = list(weights.shape)
    shape[axis] = count
    return torch.cat((weights, weights.new_zeros(shape)), axis)
