"""Random pruning at birth: exact counts by ER ratios, and masks that hold through training."""

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.optim import SGD, Adam, Optimizer

from effmeter.errors import UsageError
from effmeter.methods.method import AttachError, Batch
from effmeter.methods.structure.pruning.density import Ratios, kept_counts, layer_densities
from effmeter.methods.structure.pruning.unstructured import ErPruning, prunable_weights


def student() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 10))


BATCH = Batch(torch.randn(8, 100, generator=torch.Generator().manual_seed(0)), torch.arange(8))


def step(model: nn.Module, optimizer: Optimizer, method: ErPruning) -> Tensor:
    assert method.begin_step(BATCH) is BATCH
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(BATCH.inputs), BATCH.targets)
    loss.backward()
    optimizer.step()
    return loss.detach()


def test_a_layer_that_would_be_more_than_full_is_dense() -> None:
    """100:100:10 at half density: 0.45 and 1, 5 500 weights in all."""
    shapes = [(100, 100), (10, 100)]
    assert layer_densities(shapes, 0.5, "er") == pytest.approx((0.45, 1.0))
    assert kept_counts(shapes, 0.5, "er") == (4500, 1000)


def test_er_ratios_go_by_the_sum_of_the_widths() -> None:
    first, second = layer_densities([(300, 200), (100, 300)], 0.05, "er")
    assert first / second == pytest.approx((500 / 60_000) / (400 / 30_000))


def test_erk_ratios_count_the_kernel() -> None:
    first, second = layer_densities([(64, 64, 3, 3), (64, 64, 1, 1)], 0.1, "erk")
    assert first / second == pytest.approx(((64 + 64 + 6) / 9) / (64 + 64 + 2))
    assert layer_densities([(64, 64, 3, 3), (10, 64)], 0.2, "uniform") == pytest.approx((0.2, 0.2))


widths = st.integers(1, 40)
shapes = st.lists(
    st.one_of(st.tuples(widths, widths), st.tuples(widths, widths, st.just(3), st.just(3))),
    min_size=1,
    max_size=6,
)


@given(
    shapes=shapes, density=st.floats(0.01, 1.0), ratios=st.sampled_from(["er", "erk", "uniform"])
)
def test_counts_are_exact_and_no_layer_is_more_than_full(
    shapes: list[tuple[int, ...]], density: float, ratios: Ratios
) -> None:
    counts = kept_counts(shapes, density, ratios)
    sizes = [math.prod(shape) for shape in shapes]
    assert sum(counts) == round(density * sum(sizes))
    assert all(0 <= count <= size for count, size in zip(counts, sizes, strict=True))


@pytest.mark.parametrize(
    "build",
    [
        lambda parameters: SGD(parameters, lr=0.05, momentum=0.9, weight_decay=0.1),
        lambda parameters: Adam(parameters, lr=0.05),
    ],
)
def test_masks_hold_through_training(
    build: Callable[[Iterable[nn.Parameter]], Optimizer],
) -> None:
    model = student()
    optimizer = build(model.parameters())
    with ErPruning(seed=1).attach(model, optimizer) as method:
        kept = method.masks["0"]
        start = model.get_parameter("0.weight").detach().clone()
        assert int(kept.sum()) == 4500
        for _ in range(3):
            step(model, optimizer, method)
            assert torch.equal(model.get_parameter("0.weight").ne(0), kept)
        assert not torch.equal(model.get_parameter("0.weight"), start)
        assert model.get_parameter("2.weight").count_nonzero() == 1000


def test_nothing_is_saved_and_the_account_says_so() -> None:
    model = student()
    optimizer = SGD(model.parameters(), lr=0.05)
    with ErPruning().attach(model, optimizer) as method:
        step(model, optimizer, method)
    assert method.work().executed_fraction == 1.0
    assert method.active


def test_once_it_comes_off_all_weights_train() -> None:
    model = student()
    optimizer = SGD(model.parameters(), lr=0.05)
    with ErPruning().attach(model, optimizer) as method:
        step(model, optimizer, method)
    nn.functional.cross_entropy(model(BATCH.inputs), BATCH.targets).backward()
    optimizer.step()
    assert model.get_parameter("0.weight").count_nonzero() > 4500


def test_the_control_keeps_as_many_with_the_same_density_everywhere() -> None:
    model = student()
    control = ErPruning().control(seed=2)
    with control.attach(model, SGD(model.parameters(), lr=0.1)):
        assert [int(mask.sum()) for mask in control.masks.values()] == [5000, 500]


def test_another_seed_draws_other_weights() -> None:
    def mask(seed: int) -> Tensor:
        model = student()
        with ErPruning(seed=seed).attach(model, SGD(model.parameters(), lr=0.1)) as method:
            return method.masks["0"]

    assert torch.equal(mask(1), mask(1))
    assert not torch.equal(mask(1), mask(2))


def test_training_goes_on_from_a_saved_state() -> None:
    def begin(seed: int) -> tuple[nn.Sequential, Optimizer, ErPruning]:
        model = student()
        optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
        return model, optimizer, ErPruning(seed=seed).attach(model, optimizer)

    model, optimizer, method = begin(1)
    step(model, optimizer, method)
    saved = [copy.deepcopy(part.state_dict()) for part in (method, model, optimizer)]
    expected = [step(model, optimizer, method) for _ in range(3)]
    model, optimizer, method = begin(2)
    parts: tuple[Any, ...] = (method, model, optimizer)
    for part, state in zip(parts, saved, strict=True):
        part.load_state_dict(state)
    assert [step(model, optimizer, method) for _ in range(3)] == expected


def test_a_shared_weight_is_counted_once() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    assert list(prunable_weights(model)) == ["0"]


def test_a_model_without_weights_to_prune_is_refused() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3))
    with pytest.raises(AttachError, match="no convolution and no linear layer"):
        ErPruning().attach(model, SGD(model.parameters(), lr=0.1))


def test_a_weight_that_is_computed_from_others_is_refused() -> None:
    model = nn.Sequential(weight_norm(nn.Linear(4, 4)))
    with pytest.raises(AttachError, match="the weight of 0 is parametrized"):
        ErPruning().attach(model, SGD(model.parameters(), lr=0.1))


@pytest.mark.parametrize("density", [0.0, 1.5])
def test_a_density_that_is_no_fraction_is_refused(density: float) -> None:
    with pytest.raises(UsageError, match="density lies above 0 and up to 1"):
        ErPruning(density=density)
