"""The reference loop driven by a method: its work is logged, and its data is that of every run."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from effmeter.errors import UnfitError
from effmeter.lab.workloads import DivergenceError, Recipe, prepare
from effmeter.lab.workloads.data import LabelledImages, Split
from effmeter.lab.workloads.training import Training, supervised_training
from effmeter.methods.method import Batch, Dense, Method
from effmeter.methods.registry import parse_method
from effmeter.methods.skipping.gskip import GSkip
from tests.methods.loops import ROWS, images, small_network

WORK = {
    "forward_flops",
    "backward_flops",
    "dense_forward_flops",
    "dense_backward_flops",
    "nominal_backward_flops",
    "executed_fraction",
    "method_active",
}
Metrics = list[dict[str, float]]


class Offers(Dense):
    """Notes which samples the loop offers."""

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[list[int]] = []

    def select(self, batch: Batch) -> Batch:
        assert batch.index is not None
        self.samples.append(batch.index.tolist())
        return batch


def training_with(method: Method | None, model: nn.Module | None = None) -> Training:
    part = LabelledImages(*images())
    return supervised_training(
        lambda: (model or small_network(), cross_entropy),
        Split(part, part),
        seed=3,
        device=torch.device("cpu"),
        batch_size=8,
        method=method,
    )


def logged(training: Training, epochs: int) -> Metrics:
    kept: Metrics = []

    def log(epoch: object, /, **metrics: float) -> None:
        kept.append(metrics)

    training.run(range(epochs), log)
    return kept


def unlogged(epoch: object, /, **metrics: float) -> None:
    """Keep nothing."""


def test_without_a_method_no_work_is_logged() -> None:
    (metrics,) = logged(training_with(None), 1)
    assert set(metrics) == {"loss", "train_accuracy", "accuracy"}


def test_a_dense_method_changes_nothing_but_logs_its_work() -> None:
    bare, dense = (logged(training_with(method), 2) for method in (None, Dense()))
    for without, with_work in zip(bare, dense, strict=True):
        assert {name: with_work[name] for name in without} == without
        assert set(with_work) - set(without) == WORK
        assert with_work["executed_fraction"] == 1.0
        assert with_work["method_active"] == 0.0


def test_work_is_logged_of_each_epoch_for_itself() -> None:
    first, second = logged(training_with(Dense()), 2)
    assert first["forward_flops"] == second["forward_flops"] == second["dense_forward_flops"] > 0


class Weighted(nn.Module):
    """No layer of any kind that is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(64, 3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.flatten(1) @ self.weight


def test_work_that_is_not_known_is_not_logged() -> None:
    *_, metrics = logged(training_with(parse_method("e2-train"), Weighted()), 4)
    assert set(metrics) == {"loss", "train_accuracy", "accuracy", "method_active"}
    assert metrics["method_active"] == 1.0


@pytest.mark.parametrize("text", ["deadhorse:policy=hsddh,threshold=0.4", "random-skipping"])
def test_a_method_logs_less_work_than_dense(text: str) -> None:
    *_, metrics = logged(training_with(parse_method(text)), 4)
    assert metrics["backward_flops"] < metrics["dense_backward_flops"]
    assert metrics["executed_fraction"] < 1.0
    assert metrics["method_active"] == 1.0


def test_a_method_that_is_never_active_is_logged_as_that() -> None:
    assert [m["method_active"] for m in logged(training_with(GSkip()), 2)] == [0.0, 0.0]


@pytest.mark.parametrize("level", ["batch", "sample", "step", "layer"])
def test_skipping_does_not_move_the_order_of_the_data(level: str) -> None:
    alone, after = Offers(), Offers()
    logged(training_with(alone), 2)
    skipping = training_with(parse_method(f"random-skipping:level={level}"))
    logged(skipping, 1)
    logged(replace(skipping, method=after), 1)
    assert after.samples == alone.samples[len(after.samples) :]


def test_an_epoch_in_which_nothing_was_trained_logs_no_loss() -> None:
    method = parse_method("random-skipping:level=batch,executed_fractions=1/0,epochs_per_segment=1")
    first, second = logged(training_with(method), 2)
    assert "loss" in first
    assert set(second) == {"accuracy"} | WORK
    assert second["executed_fraction"] == 0.0


def test_the_length_of_the_epochs_is_what_a_schedule_is_told() -> None:
    half = GSkip(burn_in_fraction=0.5)
    logged(training_with(half), 2)
    with pytest.raises(UnfitError, match="how many epochs"):
        training_with(GSkip(burn_in_fraction=0.5)).run(endless(), unlogged)
    training = training_with(GSkip(burn_in_fraction=0.5))
    training.run((epoch for epoch in range(2)), unlogged, planned_epochs=2)


def endless() -> Iterator[int]:
    while True:
        yield 0


def test_a_method_comes_off_when_training_ends_or_diverges() -> None:
    training = training_with(parse_method("random-skipping:level=layer,rate=1"))
    training.run(range(1), unlogged)
    assert all(parameter.requires_grad for parameter in training.model.parameters())
    for group in training.optimizer.param_groups:
        group["lr"] = float("nan")
    with pytest.raises(DivergenceError):
        training.run(range(2), unlogged)
    assert all(parameter.requires_grad for parameter in training.model.parameters())


def test_a_recipe_names_its_method() -> None:
    recipe = Recipe("lenet", device="cpu", seed=5, options=(("shifts", 0),))
    training = prepare(replace(recipe, method="e2-train:keep=0.5"))
    assert training.method is not None
    assert (training.method.name, training.method.seed) == ("e2-train", 5)
    assert prepare(recipe).method is None


def test_a_batch_names_its_samples() -> None:
    method = Offers()
    logged(training_with(method), 1)
    assert sorted(sample for batch in method.samples for sample in batch) == list(range(ROWS))
