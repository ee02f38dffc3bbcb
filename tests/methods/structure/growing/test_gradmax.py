"""Growing leaves the function as it is, gets the largest gradient, and the new units learn."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adam, AdamW, Optimizer

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.method import AttachError, Batch, Dense, Method
from effmeter.methods.registry import parse_method
from effmeter.methods.structure.growing.bypass import bypass_gradient, outgoing_columns
from effmeter.methods.structure.growing.gradmax import GradMax
from effmeter.methods.structure.growing.growth import Growth, RandomGrowth, Side
from effmeter.methods.structure.growing.trial import look
from effmeter.methods.structure.widths.graph import width_graph
from tests.methods.structure.widths.networks import Residual, Shared, image_batch, strided

BATCH = image_batch()
THREE_STEPS: dict[str, Any] = {"start": 1, "every": 1, "steps": 3}


def network(activation: nn.Module | None = None, *, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    return strided(activation, norm=norm).double()


def backward(model: nn.Module, method: Method, batch: Batch = BATCH) -> Tensor:
    """Half a step: the widths change and gradients are there, nothing has moved."""
    chosen = method.begin_step(batch)
    assert chosen is not None
    model.zero_grad()
    loss = cross_entropy(model(batch.inputs), batch.targets)
    loss.backward()
    return loss.detach()


def step(model: nn.Module, optimizer: Optimizer, method: Growth, batch: Batch = BATCH) -> Tensor:
    loss = backward(model, method, batch)
    optimizer.step()
    return loss


def sgd(model: nn.Module) -> Optimizer:
    return SGD(model.parameters(), lr=0.1, momentum=0.9)


def new_gradients(model: nn.Sequential, old: dict[str, int], side: str) -> Iterator[Tensor]:
    """The gradients to the new weights that are 0."""
    for name, first in old.items():
        width = width_graph(model).free[name]
        if side == "incoming":
            gradient, axis = width.writer.weight.grad, 0
        else:
            gradient, axis = width.reader.weight.grad, 1
            first *= width.features_per_channel
        assert gradient is not None
        yield gradient.narrow(axis, first, gradient.shape[axis] - first)


def norm_after_growth(method: Growth) -> float:
    model = network()
    with method.attach(model, sgd(model)):
        old = method.widths
        backward(model, method)
        backward(model, method)
        gradients = list(new_gradients(model, old, method.zero))
    return float(torch.cat([gradient.flatten() for gradient in gradients]).norm())


@pytest.mark.parametrize("search", ["exact", "iterative"])
@pytest.mark.parametrize("zero", ["incoming", "outgoing"])
@pytest.mark.parametrize("activation", [nn.Tanh(), nn.ReLU(inplace=True), nn.SiLU()])
@pytest.mark.parametrize("norm", [False, True])
def test_growing_does_not_change_the_function(
    norm: bool, activation: nn.Module, zero: Side, search: Literal["exact", "iterative"]
) -> None:
    model = network(activation, norm=norm)
    optimizer = sgd(model)
    method = GradMax(start=1, every=1, steps=3, zero=zero, search=search)
    with method.attach(model, optimizer):
        step(model, optimizer, method)
        for _ in range(3):
            before, widths = model(BATCH.inputs).detach(), method.widths
            backward(model, method)
            torch.testing.assert_close(model(BATCH.inputs), before, rtol=1e-12, atol=1e-14)
            assert all(method.widths[name] > widths[name] for name in widths)
            optimizer.step()
    assert set(method.widths.values()) == {8}


@pytest.mark.slow
def test_the_gradient_norm_is_that_of_the_singular_values_and_beats_random_draws() -> None:
    """The seed network is the same each time; what the bypass promises is read before growing."""
    model = network()
    method = GradMax(**THREE_STEPS)
    squares = 0.0
    with method.attach(model, sgd(model)):
        widths = list(width_graph(model).free.values())
        seen = look(model, widths, cross_entropy, BATCH)
        for width, shown in zip(widths, seen, strict=True):
            length = 0.5 * outgoing_columns(width).norm(dim=0).mean()
            values = torch.linalg.svdvals(bypass_gradient(width, *shown))[:2]
            squares += float((length * values).square().sum())
    best = norm_after_growth(GradMax(**THREE_STEPS))
    assert best == pytest.approx(squares**0.5, rel=1e-10)
    assert best > max(norm_after_growth(RandomGrowth(**THREE_STEPS, seed=n)) for n in range(200))
    climbed = norm_after_growth(GradMax(**THREE_STEPS, search="iterative"))
    assert climbed == pytest.approx(best, rel=1e-3)


def test_the_variant_with_outgoing_weights_0_beats_random_draws_too() -> None:
    drawn = [
        norm_after_growth(RandomGrowth(**THREE_STEPS, zero="outgoing", seed=n)) for n in range(50)
    ]
    exact = norm_after_growth(GradMax(**THREE_STEPS, zero="outgoing"))
    climbed = norm_after_growth(GradMax(**THREE_STEPS, zero="outgoing", search="iterative"))
    assert climbed >= exact > max(drawn)


OPTIMIZERS: dict[str, Callable[[nn.Module], Optimizer]] = {
    "sgd": sgd,
    "adam": lambda model: Adam(model.parameters(), lr=1e-2),
    "adamw": lambda model: AdamW(model.parameters(), lr=1e-2),
}


def units(model: nn.Sequential, name: str, first: int) -> tuple[Tensor, Tensor]:
    """Incoming and outgoing weights of the units from ``first`` on, one row for each."""
    width = width_graph(model).free[name]
    outgoing = width.reader.weight.detach().unflatten(1, (width.channels, -1)).transpose(0, 1)
    incoming = width.writer.weight.detach()
    return incoming[first:].flatten(1).clone(), outgoing[first:].flatten(1).clone()


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU(inplace=True), nn.Tanh()])
@pytest.mark.parametrize("zero", ["incoming", "outgoing"])
@pytest.mark.parametrize("norm", [False, True])
def test_grown_units_learn(kind: str, activation: nn.Module, zero: Side, norm: bool) -> None:
    model = network(activation, norm=norm)
    optimizer = OPTIMIZERS[kind](model)
    method = GradMax(start=1, every=1, steps=1, zero=zero)
    with method.attach(model, optimizer):
        step(model, optimizer, method)
        old = method.widths
        backward(model, method)
        born = {name: units(model, name, first) for name, first in old.items()}
        optimizer.step()
        for _ in range(5):
            step(model, optimizer, method)
    moved = torch.tensor([[0, 0]])
    total = 0
    for name, first in old.items():
        sides = zip(born[name], units(model, name, first), strict=True)
        moved += torch.tensor([int((was != now).any(1).sum()) for was, now in sides])
        total += 8 - first
    # A ReLU unit may be off on all of this small batch, as any unit of the network may.
    incoming, outgoing = moved.squeeze().tolist()
    learns = total // 2 if isinstance(activation, nn.ReLU) else total
    assert incoming >= (total if zero == "incoming" else learns)
    assert outgoing >= learns


def test_new_units_leave_the_bypass_once_they_have_moved() -> None:
    model = network(nn.ReLU())
    optimizer = sgd(model)
    hooked = model[2]._forward_pre_hooks
    with GradMax(start=1, every=2, steps=1).attach(model, optimizer) as method:
        step(model, optimizer, method)
        assert not hooked
        backward(model, method)
        backward(model, method)
        assert hooked
        step(model, optimizer, method)
        step(model, optimizer, method)
        assert not hooked


def test_the_seed_is_cut_from_the_full_network_or_is_the_network_given() -> None:
    cut, seed = network(), network()
    with GradMax().attach(cut, sgd(cut)) as method:
        assert method.widths == {"0": 2, "2": 2, "6": 2}
        whole = network().get_parameter("2.weight")
        torch.testing.assert_close(cut.get_parameter("2.weight"), 2 * whole[:2, :2])
    half = GradMax(start=1, every=1, steps=1, seed_fraction=0.5, cut=False)
    with half.attach(seed, sgd(seed)) as method:
        for _ in range(2):
            backward(seed, method)
        assert method.widths == {"0": 16, "2": 16, "6": 16}


def test_dense_work_is_that_of_the_full_network() -> None:
    full, seed = network(), network()
    with Dense().attach(full, sgd(full)) as dense:
        backward(full, dense)
    with GradMax(start=9).attach(seed, sgd(seed)) as method:
        backward(seed, method)
    assert method.work().dense == dense.work().dense
    assert 0.0 < method.work().executed_fraction < 0.5
    assert method.active


def test_the_look_at_a_batch_is_in_the_account() -> None:
    def executed(method: Growth) -> float:
        model = network()
        with method.attach(model, sgd(model)):
            backward(model, method)
            before = method.work()
            backward(model, method)
        return (method.work() - before).executed.forward

    grown = executed(RandomGrowth(start=1, every=1, steps=3))
    assert executed(GradMax(start=1, every=1, steps=3)) == pytest.approx(
        grown + executed(RandomGrowth(start=9)), rel=1e-9
    )


def test_only_named_layers_grow() -> None:
    model = network()
    with GradMax(layers=["2"]).attach(model, sgd(model)) as method:
        assert method.widths == {"2": 2}
        assert model[0].out_channels == 8


def test_layers_that_a_skip_connection_ties_keep_their_width() -> None:
    model = Residual().double()
    with GradMax().attach(model, sgd(model)) as method:
        assert method.widths == {"first": 2}
        assert model(BATCH.inputs).shape == (6, 4)


def test_training_goes_on_from_a_saved_state() -> None:
    def begin() -> tuple[nn.Sequential, Optimizer, GradMax]:
        model = network(nn.ReLU())
        optimizer = sgd(model)
        return model, optimizer, GradMax(start=1, every=2, steps=3, seed=5).attach(model, optimizer)

    model, optimizer, method = begin()
    for _ in range(2):
        step(model, optimizer, method)
    saved = [copy.deepcopy(part.state_dict()) for part in (method, model, optimizer)]
    expected = [step(model, optimizer, method) for _ in range(6)]
    model, optimizer, method = begin()
    parts: tuple[Any, ...] = (method, model, optimizer)
    for part, state in zip(parts, saved, strict=True):
        part.load_state_dict(state)
    assert [step(model, optimizer, method) for _ in range(6)] == expected


def test_the_control_grows_as_much_at_the_same_time() -> None:
    method = GradMax(start=1, every=2, steps=2, zero="outgoing", seed=1)
    control = method.control(seed=4)
    grown = []
    for each in (method, control):
        model = network()
        optimizer = sgd(model)
        with each.attach(model, optimizer):
            steps = range(5)
            grown.append([(step(model, optimizer, each), each.widths)[1] for _ in steps])
    assert grown[0] == grown[1]
    assert (control.zero, control.seed) == ("outgoing", 4)


def compiled() -> nn.Module:
    model = network()
    model.compile(backend="eager")
    return model


def compiled_inside() -> nn.Module:
    model = nn.Sequential(network())
    model[0].compile(backend="eager")
    return model


def compiled_around() -> nn.Module:
    model: Any = torch.compile(network(), backend="eager")
    assert isinstance(model, nn.Module)
    return model


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (Shared, "weights are shared"),
        (compiled, "compiled"),
        (compiled_inside, "compiled"),
        (compiled_around, "compiled"),
        (lambda: nn.DataParallel(network()), "wrapped in DataParallel"),
        (lambda: network(nn.Softplus()), "zero=outgoing"),
    ],
)
def test_what_cannot_grow_is_refused_before_anything_is_altered(
    build: Callable[[], nn.Module], reason: str
) -> None:
    model = build()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    method = GradMax()
    with pytest.raises(AttachError, match=reason):
        method.attach(model, sgd(model))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_any_activation_grows_with_outgoing_weights_0() -> None:
    model = network(nn.Softplus())
    optimizer = sgd(model)
    with GradMax(start=1, every=1, steps=1, zero="outgoing").attach(model, optimizer) as method:
        step(model, optimizer, method)
        before = model(BATCH.inputs).detach()
        backward(model, method)
        torch.testing.assert_close(model(BATCH.inputs), before)


def test_more_units_than_outputs_can_be_added_at_once() -> None:
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    batch = Batch(torch.randn(5, 3).double(), torch.tensor([0, 1, 0, 1, 0]))
    method = GradMax(start=1, every=1, steps=1, search="iterative")
    with method.attach(model, sgd(model)):
        for _ in range(2):
            backward(model, method, batch)
    assert method.widths == {"0": 8}
    assert len(torch.unique(model[2].weight, dim=1).T) == 8


@pytest.mark.parametrize("settings", [{"seed_fraction": 0.0}, {"seed_fraction": 1.5}, {"start": 0}])
def test_settings_without_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="1"):
        GradMax(**settings)


def test_layers_may_be_frozen_while_the_network_grows() -> None:
    model = network(nn.ReLU())
    optimizer = sgd(model)
    with GradMax(**THREE_STEPS).attach(model, optimizer) as method:
        step(model, optimizer, method)
        for parameter in model[0].parameters():
            parameter.requires_grad_(False)
        backward(model, method)
    assert method.widths == {"0": 4, "2": 4, "6": 4}


def test_it_combines_with_methods_that_skip_batches() -> None:
    model = network(nn.ReLU())
    optimizer = sgd(model)
    method = parse_method("e2-train:keep=0.5+gradmax:start=2,every=1,steps=2", seed=1)
    with method.attach(model, optimizer):
        for _ in range(20):
            batch = method.begin_step(BATCH)
            if batch is None:
                continue
            optimizer.zero_grad()
            loss = cross_entropy(model(batch.inputs), batch.targets)
            loss.backward()
            method.after_backward(loss)
            optimizer.step()
    assert model.get_parameter("0.weight").shape[0] == 8


def test_how_much_work_it_leaves_follows_from_the_iterations() -> None:
    with pytest.raises(UnfitError, match="how many iterations"):
        GradMax().cycle(epochs=5)
