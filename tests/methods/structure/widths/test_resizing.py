"""Channels come and go; parameters stay the same objects and the optimizer's slots follow."""

from collections.abc import Callable, Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adafactor, Adam, AdamW, Optimizer

from effmeter.methods.method import AttachError
from effmeter.methods.structure.widths.graph import HiddenWidth, width_graph
from effmeter.methods.structure.widths.resizing import append_channels, keep_channels, set_channels
from tests.methods.structure.widths.networks import Flattening, image_batch, strided

OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter]], Optimizer]] = {
    "sgd": lambda parameters: SGD(parameters, lr=0.1, momentum=0.9),
    "adam": lambda parameters: Adam(parameters, lr=1e-3, amsgrad=True),
    "adamw": lambda parameters: AdamW(parameters, lr=1e-3),
}


def trained(name: str) -> tuple[nn.Sequential, Optimizer]:
    torch.manual_seed(0)
    model = strided(norm=True).double()
    optimizer = OPTIMIZERS[name](model.parameters())
    step(model, optimizer)
    return model, optimizer


def step(model: nn.Module, optimizer: Optimizer) -> Tensor:
    """One step; the loss that comes back keeps the graph of this step alive."""
    batch = image_batch()
    optimizer.zero_grad()
    loss = cross_entropy(model(batch.inputs), batch.targets)
    loss.backward()
    optimizer.step()
    return loss


def slots(optimizer: Optimizer) -> Iterable[tuple[Tensor, dict[str, Tensor]]]:
    for parameter, state in optimizer.state.items():
        yield parameter, {k: v for k, v in state.items() if v is not None and v.ndim > 0}


def tag(optimizer: Optimizer) -> None:
    """Make every slot three times its parameter, so that any number shows where it belongs."""
    for parameter, held in slots(optimizer):
        for slot in held.values():
            slot.copy_(parameter.detach() * 3)


def append_ones(width: HiddenWidth, count: int, optimizer: Optimizer) -> None:
    """New channels whose weights are all 1, so that they stand out from those with slots."""
    columns = width.reader.weight
    shape = (len(columns), count * width.features_per_channel, *columns.shape[2:])
    incoming = torch.ones((count, *width.writer.weight.shape[1:]))
    append_channels(width, incoming, torch.ones(shape), optimizer)


changes = st.lists(
    st.tuples(st.sampled_from(["0", "3", "8"]), st.booleans(), st.integers(1, 3)), max_size=8
)


@given(changes=changes, kind=st.sampled_from(list(OPTIMIZERS)), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_slots_stay_aligned_through_any_growing_and_pruning(
    changes: list[tuple[str, bool, int]], kind: str, seed: int
) -> None:
    model, optimizer = trained(kind)
    names = {parameter: name for name, parameter in model.named_parameters()}
    tag(optimizer)
    free = width_graph(model).free
    generator = torch.Generator().manual_seed(seed)
    for name, grow, count in changes:
        width = free[name]
        if grow:
            append_ones(width, count, optimizer)
        else:
            left = max(1, width.channels - count)
            kept = torch.randperm(width.channels, generator=generator)[:left]
            keep_channels(width, kept, optimizer)
    assert {p: n for n, p in model.named_parameters()} == names
    for parameter, held in slots(optimizer):
        assert held
        for slot in held.values():
            assert slot.shape == parameter.shape
            is_new = slot == 0
            assert torch.equal(slot[~is_new], parameter.detach()[~is_new] * 3)
            new_values = parameter.detach()[is_new]
            assert bool(torch.isin(new_values, torch.tensor([0.0, 1.0]).double()).all())
    assert bool(torch.isfinite(step(model, optimizer)))


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_training_goes_on_while_the_old_loss_is_still_held(kind: str) -> None:
    model, optimizer = trained(kind)
    for width in width_graph(model).free.values():
        loss = step(model, optimizer)
        set_channels(width, width.channels + 3, optimizer)
        assert bool(torch.isfinite(step(model, optimizer)))
        set_channels(width, width.channels - 5, optimizer)
        assert bool(torch.isfinite(step(model, optimizer) + loss.detach()))


def test_gradients_that_wait_are_kept() -> None:
    model, optimizer = trained("sgd")
    batch = image_batch()
    cross_entropy(model(batch.inputs), batch.targets).backward()
    width = width_graph(model).free["0"]
    gradient = width.writer.weight.grad
    assert gradient is not None
    keep_channels(width, torch.tensor([5, 2]), optimizer)
    left = width.writer.weight.grad
    assert left is not None
    assert torch.equal(left, gradient[[5, 2]])


def test_modules_say_their_new_sizes() -> None:
    model, optimizer = trained("sgd")
    free = width_graph(model).free
    set_channels(free["0"], 5, optimizer)
    set_channels(free["3"], 3, optimizer)
    assert "Conv2d(3, 5" in str(model[0])
    assert "BatchNorm2d(5" in str(model[1])
    assert "Conv2d(5, 3" in str(model[3])
    assert "Linear(in_features=12, out_features=8" in str(model[8])


def test_silent_channels_change_nothing_where_an_image_is_flattened() -> None:
    model = Flattening().double().eval()
    optimizer = SGD(model.parameters(), lr=0.1)
    images = image_batch(size=8).inputs
    before = model(images)
    set_channels(width_graph(model).free["convolution"], 7, optimizer)
    torch.testing.assert_close(model(images), before)


def test_an_optimizer_whose_slots_are_not_the_weights_own_is_refused_unchanged() -> None:
    model = strided().double()
    optimizer = Adafactor(model.parameters())
    step(model, optimizer)
    width = width_graph(model).free["0"]
    with pytest.raises(AttachError, match="Adafactor keeps 'row_var'"):
        set_channels(width, 3, optimizer)
    assert width.channels == 8
