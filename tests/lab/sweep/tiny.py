"""Workloads so small that a test can train many, and those that go wrong in one way each."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from effmeter.lab.sweep import Axes, Cell, Ending, plan_cells
from effmeter.lab.workloads import ARCHITECTURES, Architecture, Recipe, Shape
from effmeter.lab.workloads.architectures import Options
from effmeter.lab.workloads.objectives import Objective

Build = Callable[[int, Shape, Options], tuple[nn.Module, Objective]]


def linear(size: int, shape: Shape, options: Options) -> tuple[nn.Module, Objective]:
    """One layer behind a pooling."""
    pooled = nn.Sequential(nn.AvgPool2d(8), nn.Flatten())
    return nn.Sequential(pooled, nn.Linear(16 * shape.channels, shape.classes)), cross_entropy


def diverging(size: int, shape: Shape, options: Options) -> tuple[nn.Module, Objective]:
    """Its loss is not a number."""

    def not_a_number(scores: Tensor, labels: Tensor, /) -> Tensor:
        return scores.sum() * torch.nan

    return linear(size, shape, options)[0], not_a_number


def too_large(size: int, shape: Shape, options: Options) -> tuple[nn.Module, Objective]:
    """It fits no memory from size 2."""
    if size > 1:
        raise MemoryError("a layer of 1 TB")
    return linear(size, shape, options)


def too_large_in_training(size: int, shape: Shape, options: Options) -> tuple[nn.Module, Objective]:
    """Its memory ends in the first batch, as torch says it."""

    def no_room(scores: Tensor, labels: Tensor, /) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 80 GiB\nsee also ...")

    return linear(size, shape, options)[0], no_room


def faulty_when_built(size: int, shape: Shape, options: Options) -> tuple[nn.Module, Objective]:
    """It has a bug in what builds it."""
    raise ValueError("not enough values to unpack (expected 2, got 1)")


def faulty_in_training(size: int, shape: Shape, options: Options) -> tuple[nn.Module, Objective]:
    """It has a bug in its loss."""

    def bug(scores: Tensor, labels: Tensor, /) -> Tensor:
        raise ValueError("Expected input batch_size (32) to match target batch_size (64)")

    return linear(size, shape, options)[0], bug


def add_workload(monkeypatch: pytest.MonkeyPatch, name: str, build: Build) -> None:
    """A workload of two sizes, for the time of a test."""
    workload = Architecture(name, "for tests", range(1, 3), build)
    monkeypatch.setitem(ARCHITECTURES, name, workload)


def cells(
    *architectures: str,
    sizes: Sequence[int] = (1,),
    seeds: Sequence[int] = (0,),
    ending: Ending | None = None,
    folds: int | None = None,
) -> list[Cell]:
    """A grid on the digits as they are, of one epoch where nothing else is said."""
    recipe = Recipe(
        architectures[0],
        device="cpu",
        options=(("shifts", 0),),
        folds=folds,
    )
    return plan_cells(Axes(architectures, ("digits",), sizes, seeds), ending or Ending(1), recipe)
