"""What holds for every method that rewrites a layer's backward pass."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from effmeter.methods.gradients.gradient_approximation import (
    MaxGradient,
    RandomGradient,
    ZeroGradient,
)
from effmeter.methods.gradients.meprop import MeProp
from effmeter.methods.gradients.ssprop import SsProp
from effmeter.methods.method import AttachError, Batch, Method
from effmeter.methods.registry import parse_method
from tests.methods.gradients.backward_loop import Loop, batches, network, same, trained, untouched

Build = Callable[[], Method]

METHODS: dict[str, Build] = {
    "ssprop": lambda: SsProp(0.6),
    "ssprop at random": lambda: SsProp(0.6, selection="random"),
    "ssprop in iterations": lambda: SsProp(0.6, period=3, period_unit="iterations"),
    "ssprop by elements at random": lambda: SsProp(0.6, dimension="all", selection="random"),
    "ssprop by positions": lambda: SsProp(0.6, "cosine", dimension="height-and-width"),
    "zero gradient": lambda: ZeroGradient("s1"),
    "random gradient": lambda: RandomGradient("s3"),
    "max gradient": lambda: MaxGradient("s2"),
    "meprop": lambda: MeProp(4),
    "meprop at random": lambda: MeProp(4, scope="batch", selection="random"),
}
IDLE: dict[str, Build] = {
    "ssprop without drop": lambda: SsProp(0.0, "constant"),
    "ssprop in its dense epochs": lambda: SsProp(0.8, "bar"),
    "a schedule that never comes": lambda: MaxGradient(choose=lambda layer, batch: "full"),
}

# The compiler warns of parts of the framework that it uses itself, and of its own look at .grad.
COMPILES = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:The .grad attribute")


VARIANTS = ("ssprop in iterations", "ssprop by elements at random", "ssprop by positions")
"""Of methods that are tested in another form too: make test leaves these out."""


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.slow] if name in VARIANTS else []) for name in METHODS
    ]
)
def build(request: pytest.FixtureRequest) -> Build:
    return METHODS[request.param]


@pytest.mark.parametrize("name", IDLE)
def test_at_zero_skip_the_training_is_the_same_bit_for_bit(name: str) -> None:
    method = IDLE[name]()
    assert same(trained(method).state(), untouched().state())
    assert not method.active
    assert method.work().executed_fraction == 1.0


def test_an_active_method_changes_the_training_and_leaves_less_work(build: Build) -> None:
    method = build()
    loop = trained(method, (0, 1, 2, 3))
    assert not same(loop.state(), untouched((0, 1, 2, 3)).state())
    assert method.active
    assert all(torch.isfinite(tensor).all() for tensor in loop.state())


def test_it_stays_active_when_it_is_resumed(build: Build) -> None:
    method, resumed = build(), build()
    trained(method, (0, 1, 2, 3))
    resumed.load_state_dict(method.state_dict())
    assert resumed.active


def test_it_sees_the_data_that_the_loop_has_and_so_does_its_control(build: Build) -> None:
    method = build()
    seen = trained(method).seen
    assert same(seen, untouched().seen)
    assert same(seen, trained(method.control(seed=7)).seen)


def test_the_control_leaves_as_much_of_the_products(build: Build) -> None:
    method = build()
    trained(method, (0, 1, 2, 3))
    control = method.control(seed=3)
    trained(control, (0, 1, 2, 3))
    ours, theirs = method.work(), control.work()
    assert theirs.dense == ours.dense
    assert theirs.executed.backward_input == pytest.approx(ours.executed.backward_input)
    assert theirs.executed.backward <= ours.executed.backward * (1 + 1e-9)


def test_detaching_restores_every_layer(build: Build) -> None:
    model = network()
    before = [(type(module), sorted(vars(module)), len(module._forward_hooks)) for module in model]
    parameters = list(model.parameters())
    method = build()
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        assert [id(p) for p in model.parameters()] == [id(p) for p in parameters]
        assert list(model.state_dict()) == list(network().state_dict())
        assert isinstance(model[0], nn.Conv2d)
        assert isinstance(model[8], nn.Linear)
    after = [(type(module), sorted(vars(module)), len(module._forward_hooks)) for module in model]
    assert after == before
    method.attach(model, SGD(model.parameters(), lr=0.1)).detach()


def test_training_resumes_exactly_from_its_states(build: Build) -> None:
    whole = trained(build(), (0, 1, 2, 3))
    first, method = Loop.new(), build()
    with method.attach(first.model, first.optimizer):
        first.run(method, (0, 1))
        saved = copy.deepcopy(
            (first.model.state_dict(), first.optimizer.state_dict(), method.state_dict())
        )
    second, method = Loop.new(), build()
    with method.attach(second.model, second.optimizer):
        second.model.load_state_dict(saved[0])
        second.optimizer.load_state_dict(saved[1])
        method.load_state_dict(saved[2])
        second.run(method, (2, 3))
    assert same(second.state(), whole.state())


def test_its_state_survives_saving(build: Build, tmp_path: Any) -> None:
    method = build()
    trained(method)
    torch.save(method.state_dict(), tmp_path / "method.pt")
    loaded = torch.load(tmp_path / "method.pt", weights_only=True)
    again = build()
    again.load_state_dict(loaded)
    assert str(again.state_dict()) == str(method.state_dict())


def backward_of(model: nn.Module, batch: Batch) -> None:
    cross_entropy(model(batch.inputs), batch.targets).backward()


def test_gradients_accumulate(build: Build) -> None:
    model, method = network(), build()
    batch = batches(0)[0]
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        method.begin_epoch(1, 4)
        method.begin_step(batch)
        state = method.generator.get_state()
        torch.manual_seed(0)
        backward_of(model, batch)
        once = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        method.generator.set_state(state)
        torch.manual_seed(0)
        backward_of(model, batch)
        twice = [p.grad for p in model.parameters() if p.grad is not None]
    for first, second in zip(once, twice, strict=True):
        torch.testing.assert_close(second, 2 * first)


def test_a_frozen_layer_gets_no_gradient(build: Build) -> None:
    model, method = network(), build()
    for layer in (model[3], model[8]):
        layer.requires_grad_(False)
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        method.begin_epoch(1, 4)
        for batch in batches(0):
            method.begin_step(batch)
            backward_of(model, batch)
    assert model[3].weight.grad is None
    assert model[8].weight.grad is None
    assert model[0].weight.grad is not None


def test_it_trains_inside_autocast(build: Build) -> None:
    model, method = network(), build()
    optimizer = SGD(model.parameters(), lr=0.1)
    with method.attach(model, optimizer):
        for epoch in range(2):
            method.begin_epoch(epoch, 2)
            for batch in batches(epoch):
                method.begin_step(batch)
                optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16):
                    loss = cross_entropy(model(batch.inputs), batch.targets)
                loss.backward()
                optimizer.step()
    assert all(p.grad is not None and p.grad.dtype == p.dtype for p in model.parameters())


def test_evaluation_and_exact_gradients_of_it_are_as_without(build: Build) -> None:
    model, method = network().eval(), build()
    batch = batches(0)[0]
    backward_of(model, batch)
    exact = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        method.begin_epoch(1, 4)
        method.begin_step(batch)
        backward_of(model, batch)
    assert same([p.grad for p in model.parameters() if p.grad is not None], exact)


def test_a_copy_of_the_model_such_as_an_average_works(build: Build) -> None:
    model, method = network(), build()
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        average = torch.optim.swa_utils.AveragedModel(model)
        average.update_parameters(model)
        images = batches(0)[0].inputs
        assert torch.equal(average.eval()(images), model.eval()(images))


@COMPILES
@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("ssprop", "eager"),
        pytest.param("ssprop", "aot_eager", marks=pytest.mark.slow),
        pytest.param("max gradient", "aot_eager", marks=pytest.mark.slow),
        pytest.param("ssprop at random", "aot_eager", marks=pytest.mark.slow),
        pytest.param("meprop", "aot_eager", marks=pytest.mark.slow),
    ],
)
def test_a_model_that_is_compiled_afterwards_trains_the_same(name: str, backend: str) -> None:
    torch.compiler.reset()
    plain = trained(METHODS[name]())
    compiled, method = Loop.new(), METHODS[name]()
    with method.attach(compiled.model, compiled.optimizer):
        model, compiled.model = (
            compiled.model,
            torch.compile(compiled.model, backend=backend),  # type: ignore[assignment]
        )
        compiled.run(method)
        compiled.model = model
    for ours, theirs in zip(compiled.state(), plain.state(), strict=True):
        torch.testing.assert_close(ours, theirs)


@COMPILES
@pytest.mark.parametrize("in_place", [True, False])
def test_a_model_that_is_compiled_before_is_refused(in_place: bool) -> None:
    model: Any = network()
    if in_place:
        model.compile(backend="eager")
    else:
        model = torch.compile(model, backend="eager")
    with pytest.raises(AttachError, match="compiled"):
        SsProp().attach(model, SGD(model.parameters(), lr=0.1))


@pytest.mark.parametrize("second", [lambda: MaxGradient(), lambda: MeProp(3)])
def test_two_that_rewrite_one_model_are_refused_and_change_nothing(second: Build) -> None:
    model = network()
    optimizer = SGD(model.parameters(), lr=0.1)
    with SsProp(0.5).attach(model, optimizer):
        before = [(type(module), vars(module).get("rule")) for module in model]
        with pytest.raises(AttachError, match="another method has rewritten the layer '0'"):
            second().attach(model, optimizer)
        assert [(type(module), vars(module).get("rule")) for module in model] == before


def test_it_combines_with_skipping_and_counts_both() -> None:
    both = parse_method("ssprop:schedule=constant,drop=0.6+e2-train:keep=0.5,on_skip=none")
    alone = parse_method("ssprop:schedule=constant,drop=0.6")
    trained(both)
    trained(alone)
    assert both.active
    assert both.work().executed_fraction < alone.work().executed_fraction
    assert both.work().dense == alone.work().dense


@pytest.mark.parametrize(
    "text",
    [
        "ssprop:drop=0.8,period=2",
        "ssprop:schedule=linear,selection=random,backend=img2col,dimension=all",
        "zero-gradient:schedule=s1",
        "random-gradient:sigma=0.0078125",
        "max-gradient:schedule=s3,k=2,scale=batch,plateau_patience=3",
        "meprop:k=30,scope=batch",
    ],
)
def test_each_is_switched_on_by_its_name(text: str) -> None:
    assert parse_method(text, seed=3).name == text.partition(":")[0]
