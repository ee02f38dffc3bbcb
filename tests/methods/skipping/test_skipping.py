"""What holds for every method that skips in the loop."""

import functools
import io
from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import pytest
import torch
from torch import nn

from effmeter.methods.combined import Combined
from effmeter.methods.method import AttachError, Dense, Method
from effmeter.methods.skipping.deadhorse import POLICIES, DeadHorse
from effmeter.methods.skipping.gskip import GSkip
from effmeter.methods.skipping.random_skipping import Level, RandomSkipping
from effmeter.methods.skipping.selection import E2Train
from tests.methods.loops import Trainee, same_training, trained_with

Build = Callable[[], Method]
LEVELS: tuple[Level, ...] = get_args(Level)

IDLE: dict[str, Build] = {
    "dense": Dense,
    "gskip behind its burn-in": GSkip,
    "gskip that nothing qualifies for": lambda: GSkip(burn_in_steps=0, loss_tolerance=0.0),
    "e2-train": lambda: E2Train(keep=1.0),
    **{f"deadhorse {name}": partial(DeadHorse, name, threshold=1.0) for name in POLICIES},
    **{f"random {level}": partial(RandomSkipping, level, 0.0) for level in LEVELS},
    "combined": lambda: Combined([E2Train(keep=1.0), DeadHorse(threshold=1.0), GSkip()]),
}
"""Each at no skip at all."""


def eager_gskip() -> GSkip:
    return GSkip(
        burn_in_steps=2, loss_tolerance=1.0, relative_tolerance=True, counter_start=-20, hold=1
    )


SKIPPING: dict[str, Build] = {
    "gskip": eager_gskip,
    "gskip that holds": lambda: GSkip(
        burn_in_steps=1, loss_tolerance=5.0, counter_start=-20, hold=3, most_tolerance_medians=1e6
    ),
    "e2-train": lambda: E2Train(keep=0.5),
    "e2-train without replay": lambda: E2Train(keep=0.5, on_skip="none"),
    **{
        f"deadhorse {name}": partial(DeadHorse, name, threshold=0.4, revisit_every=3)
        for name in POLICIES
    },
    **{f"random {level}": partial(RandomSkipping, level, 0.5) for level in LEVELS},
    "random, matched": lambda: RandomSkipping(
        "layer", executed_fractions=(0.9, 0.7), epochs_per_segment=1
    ),
    "combined": lambda: Combined([eager_gskip(), DeadHorse("hsddh", threshold=0.4), E2Train()]),
}
"""Each skipping a good part of a short training."""


VARIANTS = (
    "gskip that holds",
    "e2-train without replay",
    *(f"deadhorse {name}" for name in list(POLICIES)[:-1]),
    *(f"random {level}" for level in LEVELS[:-1]),
)
"""Of methods that are tested in another form too: make test leaves these out."""


def methods(among: dict[str, Build]) -> list[Any]:
    """As parameters of a fixture."""
    return [
        pytest.param(name, marks=[pytest.mark.slow] if name in VARIANTS else []) for name in among
    ]


@pytest.fixture(params=methods(IDLE), scope="module")
def idle(request: pytest.FixtureRequest) -> Build:
    return IDLE[request.param]


@pytest.fixture(params=methods(SKIPPING), scope="module")
def build(request: pytest.FixtureRequest) -> Build:
    return SKIPPING[request.param]


@functools.cache
def bare() -> Trainee:
    """Trained without any method, in the same loop."""
    trainee = Trainee()
    method = Dense()
    method.attach(nn.Sequential(), trainee.optimizer)
    trainee.train(method)
    return trainee


def test_at_no_skip_the_training_is_bit_for_bit_that_without_a_method(idle: Build) -> None:
    method = idle()
    assert same_training(trained_with(method), bare())
    assert not method.active


@pytest.fixture(scope="module")
def trainee(build: Build) -> Trainee:
    """Trained with the method, by the seed of its own."""
    return trained_with(build())


def test_it_skips_and_says_so(build: Build) -> None:
    method = build()
    trained_with(method, epochs=4)
    assert method.active
    assert method.work().executed_fraction < 1.15


def test_the_loop_draws_the_same_data_in_the_same_order(trainee: Trainee) -> None:
    assert trainee.offered == bare().offered


def test_its_seed_determines_the_training(build: Build, trainee: Trainee) -> None:
    assert same_training(trained_with(build()), trainee)


def test_the_programs_random_state_stays(build: Build) -> None:
    method = build()
    trainee = Trainee()
    before = torch.get_rng_state()
    with method.attach(trainee.model, trainee.optimizer):
        trainee.train(method, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_detaching_leaves_no_trace(build: Build) -> None:
    method = build()
    trainee = Trainee()
    parameters = list(trainee.model.parameters())
    keys = list(trainee.model.state_dict())
    trainee_kinds = [type(module) for module in trainee.model.modules()]
    with method.attach(trainee.model, trainee.optimizer):
        trainee.train(method, 3)
    assert all(map(lambda a, b: a is b, trainee.model.parameters(), parameters))
    assert list(trainee.model.state_dict()) == keys
    assert [type(module) for module in trainee.model.modules()] == trainee_kinds
    assert all(parameter.requires_grad for parameter in parameters)
    for module in trainee.model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert not trainee.optimizer._optimizer_step_pre_hooks


def test_resumed_from_a_checkpoint_it_goes_on_bit_for_bit(build: Build) -> None:
    method, trainee = build(), Trainee()
    method.attach(trainee.model, trainee.optimizer)
    trainee.train(method, 2, total=4)
    file = io.BytesIO()
    torch.save([part.state_dict() for part in (trainee.model, trainee.optimizer, method)], file)
    order = trainee.shuffle.get_state()
    trainee.train(method, 2, first=2, total=4)

    file.seek(0)
    saved = torch.load(file, weights_only=True)
    again, resumed = build(), Trainee()
    resumed.model.load_state_dict(saved[0])
    resumed.optimizer.load_state_dict(saved[1])
    resumed.shuffle.set_state(order)
    again.attach(resumed.model, resumed.optimizer)
    again.load_state_dict(saved[2])
    resumed.train(again, 2, first=2, total=4)
    assert same_training(resumed, trainee)
    assert resumed.trained == trainee.trained[len(trainee.trained) // 2 :]


def test_a_second_attachment_is_refused(build: Build) -> None:
    method, trainee = build(), Trainee()
    method.attach(trainee.model, trainee.optimizer)
    with pytest.raises(AttachError, match="attached already"):
        method.attach(trainee.model, trainee.optimizer)


def test_attached_again_its_account_begins_anew(build: Build) -> None:
    method = build()
    for _ in range(2):
        trainee = Trainee()
        with method.attach(trainee.model, trainee.optimizer):
            trainee.train(method, 3)
    assert method.work().dense.total > 0
    assert len(method.executed_fractions(epochs_per_segment=1)) == 3


def test_what_it_knows_of_another_model_is_refused() -> None:
    method = eager_gskip()
    trained_with(method)
    other = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    with pytest.raises(AttachError, match="knows a layer"):
        method.attach(other, torch.optim.SGD(other.parameters(), 0.1))
    assert not other[0]._forward_hooks


def test_autocast_trains(build: Build) -> None:
    method, trainee = build(), Trainee()
    with torch.autocast("cpu", torch.bfloat16), method.attach(trainee.model, trainee.optimizer):
        trainee.train(method, 2)
    assert all(parameter.isfinite().all() for parameter in trainee.model.parameters())


# The compiler warns of parts of the framework that it uses itself, and of its own look at .grad.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:The .grad attribute")
@pytest.mark.parametrize(
    "skipping",
    [
        pytest.param(eager_gskip, marks=pytest.mark.slow),
        pytest.param(partial(DeadHorse, "hsddh", threshold=0.4), marks=pytest.mark.slow),
        pytest.param(DeadHorse, marks=pytest.mark.slow),
    ],
)
def test_a_model_compiled_after_it_was_attached_trains_the_same(skipping: Build) -> None:
    plain, compiled = Trainee(), Trainee()
    for trainee in (plain, compiled):
        method = skipping()
        with method.attach(trainee.model, trainee.optimizer):
            if trainee is compiled:
                trainee.model.compile(backend="eager")
            trainee.train(method, 2)
    assert same_training(compiled, plain)


@pytest.mark.parametrize("kind", [GSkip, lambda: RandomSkipping("layer")])
def test_layer_skipping_refuses_a_model_of_one_layer(kind: Build) -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    with pytest.raises(AttachError, match="two layers or more"):
        kind().attach(model, torch.optim.SGD(model.parameters(), 0.1))
    assert not model[0]._forward_hooks


def test_layers_that_the_user_froze_stay_frozen() -> None:
    trainee = Trainee()
    first = next(trainee.model.parameters()).requires_grad_(False)
    before = first.clone()
    method = RandomSkipping("layer", 0.7)
    with method.attach(trainee.model, trainee.optimizer):
        trainee.train(method)
    assert not first.requires_grad
    assert torch.equal(first, before)
