"""Pruned networks are really smaller, and do what the masked network does."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer

from effmeter.errors import UsageError
from effmeter.methods.method import AttachError, Dense, Method
from effmeter.methods.structure.pruning.filters import (
    FilterPruning,
    RandomFilterPruning,
    largest_filters,
)
from effmeter.methods.structure.widths.graph import width_graph
from tests.methods.structure.widths.networks import Residual, Shared, image_batch, strided

BATCH = image_batch()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return strided(nn.ReLU(), norm=True).double()


def sgd(model: nn.Module) -> Optimizer:
    return SGD(model.parameters(), lr=0.1, momentum=0.9)


def step(model: nn.Module, optimizer: Optimizer, method: Method) -> Tensor:
    assert method.begin_step(BATCH) is not None
    optimizer.zero_grad()
    loss = cross_entropy(model(BATCH.inputs), BATCH.targets)
    loss.backward()
    optimizer.step()
    return loss.detach()


def masked(model: nn.Sequential, count: int) -> nn.Sequential:
    """The network with all but the largest filters of each free layer silenced."""
    model = copy.deepcopy(model)
    for width in width_graph(model).free.values():
        gone = torch.ones(width.channels, dtype=torch.bool)
        gone[largest_filters(width.writer.weight, count)] = False
        for module in (width.writer, *width.norms):
            for parameter in module.parameters():
                parameter.data[gone] = 0
    return model


@pytest.mark.parametrize("training", [False, True])
def test_a_pruned_network_does_what_the_masked_one_does(training: bool) -> None:
    model = network()
    optimizer = sgd(model)
    with FilterPruning(start=1, every=1, steps=1, final_fraction=0.5).attach(
        model, optimizer
    ) as method:
        step(model, optimizer, method)
        expected = masked(model, 4)
        method.begin_step(BATCH)
    expected.train(training)
    model.train(training)
    torch.testing.assert_close(model(BATCH.inputs), expected(BATCH.inputs))


def test_parameters_and_work_fall_with_the_widths() -> None:
    model = network()
    optimizer = sgd(model)
    whole = sum(parameter.numel() for parameter in model.parameters())
    executed = []
    with FilterPruning(start=1, every=1, steps=3).attach(model, optimizer) as method:
        for _ in range(5):
            before = method.work()
            step(model, optimizer, method)
            executed.append((method.work() - before).executed.total)
    assert executed == sorted(executed, reverse=True)
    assert executed[1] < executed[0]
    assert executed[-1] < 0.3 * executed[0]
    assert sum(parameter.numel() for parameter in model.parameters()) < 0.2 * whole
    assert method.widths == {"0": 2, "3": 2, "8": 2}
    slots = [s["momentum_buffer"] for s in optimizer.state.values()]
    assert [slot.shape for slot in slots] == [p.shape for p in model.parameters()]


def test_dense_work_is_that_of_the_network_before_pruning() -> None:
    def dense_work(method: Method) -> float:
        model = network()
        optimizer = sgd(model)
        with method.attach(model, optimizer):
            for _ in range(4):
                step(model, optimizer, method)
        return method.work().dense.total

    assert dense_work(FilterPruning(start=1, every=1, steps=3)) == dense_work(Dense())


def test_the_filters_of_lowest_norm_go() -> None:
    weight = torch.tensor([3.0, -1.0, 0.5, -4.0])[:, None, None, None].expand(4, 2, 3, 3)
    assert largest_filters(weight, 2).tolist() == [0, 3]


def test_parameters_stay_the_same_objects() -> None:
    model = network()
    optimizer = sgd(model)
    before = dict(model.named_parameters())
    with FilterPruning(start=1, every=1, steps=1).attach(model, optimizer) as method:
        for _ in range(3):
            step(model, optimizer, method)
    after = dict(model.named_parameters())
    assert list(before) == list(after)
    assert all(before[name] is after[name] for name in before)


def test_layers_that_a_skip_connection_ties_keep_their_width() -> None:
    model = Residual().double()
    optimizer = sgd(model)
    with FilterPruning(start=1, every=1, steps=1).attach(model, optimizer) as method:
        for _ in range(2):
            step(model, optimizer, method)
    assert (model.stem.out_channels, model.first.out_channels) == (8, 2)
    assert (model.second.in_channels, model.second.out_channels) == (2, 8)


def test_the_control_prunes_as_much_at_the_same_time_but_other_filters() -> None:
    method = FilterPruning(start=1, every=1, steps=2)
    outcomes = []
    for each in (method, method.control(seed=3)):
        model = network()
        optimizer = sgd(model)
        with each.attach(model, optimizer):
            widths = []
            for _ in range(3):
                step(model, optimizer, each)
                widths.append(each.widths)
        outcomes.append((widths, each.work().executed, model.get_parameter("0.weight").detach()))
    assert outcomes[0][:2] == outcomes[1][:2]
    assert not torch.equal(outcomes[0][2], outcomes[1][2])


@pytest.mark.parametrize("kind", [FilterPruning, RandomFilterPruning])
def test_training_goes_on_from_a_saved_state(kind: type[FilterPruning]) -> None:
    def begin() -> tuple[nn.Sequential, Optimizer, FilterPruning]:
        model = network()
        optimizer = sgd(model)
        return model, optimizer, kind(start=1, every=2, steps=3, seed=5).attach(model, optimizer)

    model, optimizer, method = begin()
    for _ in range(4):
        step(model, optimizer, method)
    saved = [copy.deepcopy(part.state_dict()) for part in (method, model, optimizer)]
    expected = [step(model, optimizer, method) for _ in range(4)]
    model, optimizer, method = begin()
    parts: tuple[Any, ...] = (method, model, optimizer)
    for part, state in zip(parts, saved, strict=True):
        part.load_state_dict(state)
    assert [step(model, optimizer, method) for _ in range(4)] == expected


def test_what_cannot_be_pruned_is_refused_before_anything_is_altered() -> None:
    model = Shared()
    before = model.layer.weight.clone()
    with pytest.raises(AttachError, match="weights are shared"):
        FilterPruning().attach(model, sgd(model))
    assert torch.equal(model.layer.weight, before)
    with pytest.raises(AttachError, match="stem cannot change"):
        FilterPruning(layers=["stem"]).attach(Residual(), sgd(Residual()))


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="final_fraction"):
        FilterPruning(final_fraction=0.0)
