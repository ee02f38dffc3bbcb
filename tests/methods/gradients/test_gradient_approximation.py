"""Zero, random and max gradient: which layers in which batches, and the work that it leaves."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from effmeter.errors import UsageError
from effmeter.methods.flops.work import Work
from effmeter.methods.gradients.gradient_approximation import (
    Approximation,
    GradientApproximation,
    MaxGradient,
    RandomGradient,
    ZeroGradient,
)
from effmeter.methods.gradients.layer_schedules import SCHEDULES, Plateau, ScheduleName
from effmeter.methods.method import Batch, Cycle
from tests.methods.gradients.backward_loop import Loop, batches, network, trained

LAYERS, BATCHES = 16, 8


def cells(schedule: ScheduleName) -> set[tuple[int, int]]:
    chosen = SCHEDULES[schedule]
    every = ((layer, batch) for layer in range(LAYERS) for batch in range(BATCHES))
    return {cell for cell in every if chosen.approximates(*cell)}


def test_the_three_schedules_approximate_a_quarter_each() -> None:
    assert cells("s1") == {(n, b) for n in (1, 5, 9, 13) for b in range(BATCHES)}
    assert cells("s2") == {(n, b) for n in range(1, LAYERS, 2) for b in (1, 3, 5, 7)}
    assert cells("s3") == {(n, b) for n in range(LAYERS) for b in (3, 7)}
    for name in ("s1", "s2", "s3"):
        assert len(cells(name)) == LAYERS * BATCHES / 4


def test_s1_approximates_the_published_number_of_layers() -> None:
    vgg19, resnet20 = 16, 19
    for convolutions, published in ((vgg19, 4), (resnet20, 5)):
        found = [n for n in range(convolutions) if SCHEDULES["s1"].approximates(n, 0)]
        assert len(found) == published


def test_in_the_two_layer_network_the_second_layer_alternates() -> None:
    assert {cell for cell in cells("cnn2") if cell[0] < 2} == {(1, 1), (1, 3), (1, 5), (1, 7)}


def approximated(method: GradientApproximation, steps: int) -> list[list[int]]:
    """The convolutions of the network that are not exact, batch by batch."""
    loop = Loop.new()
    with method.attach(loop.model, loop.optimizer):
        found = []
        for _ in range(steps):
            method.begin_step(batches(0)[0])
            layers = [vars(m)["rule"] for m in loop.model if isinstance(m, nn.Conv2d)]
            found.append([place for place, rule in enumerate(layers) if rule is not None])
    return found


def test_batches_are_counted_through_the_training() -> None:
    assert approximated(MaxGradient("s3"), 8) == [[], [], [], [0, 1, 2]] * 2
    assert approximated(ZeroGradient("s2"), 3) == [[], [1], []]
    assert approximated(RandomGradient("s1"), 2) == [[1], [1]]


def test_a_schedule_of_the_users_may_name_another_method_each_time() -> None:
    asked: list[tuple[int, int]] = []

    def choose(layer: int, batch: int) -> Approximation:
        asked.append((layer, batch))
        return ("full", "zero", "max")[layer]

    method = RandomGradient(choose=choose)
    loop = trained(method, (0,))
    assert asked == [(layer, batch) for batch in range(4) for layer in range(3)]
    weights = [m.weight for m in loop.model if isinstance(m, nn.Conv2d)]
    assert weights[1].grad is not None
    assert not weights[1].grad.any()
    assert method.cycle() is None


def test_an_approximation_that_there_is_not_is_named() -> None:
    method = MaxGradient(choose=lambda layer, batch: "some")  # type: ignore[arg-type,return-value]
    loop = Loop.new()
    with (
        method.attach(loop.model, loop.optimizer),
        pytest.raises(UsageError, match="no approximation 'some'; there is: full, zero"),
    ):
        method.begin_step(batches(0)[0])


def test_an_unknown_schedule_is_refused() -> None:
    with pytest.raises(UsageError, match="'s4' is no schedule: s1, s2, s3"):
        MaxGradient("s4")  # type: ignore[arg-type]


def test_weights_of_zero_gradient_move_by_momentum_and_decay() -> None:
    method = ZeroGradient("all")
    loop = trained(method, (0,))
    (before, *_), (after, *_) = network().parameters(), loop.model.parameters()
    assert not torch.equal(before, after)
    assert after.grad is not None
    assert not after.grad.any()


def test_at_a_plateau_it_goes_back_to_full_gradients() -> None:
    method = MaxGradient("all", plateau_patience=2, plateau_threshold=0.1)
    assert approximated(method, 1) == [[0, 1, 2]]
    for loss in (1.0, 0.5, 0.49, 0.48):
        assert not method.at_plateau
        method.end_epoch(loss)
    assert method.at_plateau
    assert approximated(method, 1) == [[]]
    resumed = MaxGradient("all", plateau_patience=2, plateau_threshold=0.1)
    resumed.load_state_dict(method.state_dict())
    assert approximated(resumed, 1) == [[]]


@pytest.mark.parametrize(
    ("losses", "patience", "reached"),
    [
        ([1.0, 1.0], None, False),
        ([1.0, 1.0], 1, True),
        ([1.0, 0.9, 0.8], 1, False),
        ([1.0, 1.1, 0.9, 1.0], 2, False),
        ([1.0, 1.1, 1.2, 0.1], 2, True),
        ([float("nan"), float("nan")], 2, True),
    ],
)
def test_a_plateau_is_so_many_epochs_without_progress(
    losses: list[float], patience: int | None, reached: bool
) -> None:
    plateau = Plateau(patience)
    for loss in losses:
        plateau.see(loss)
    assert plateau.reached is reached


def test_each_says_when_its_schedule_repeats() -> None:
    names: tuple[ScheduleName, ...] = ("s1", "s2", "s3", "cnn2", "all")
    assert [MaxGradient(name).cycle() for name in names] == [
        Cycle(batches=n) for n in (1, 2, 4, 2, 1)
    ]


def test_controls_keep_the_schedule() -> None:
    method = MaxGradient("s3", plateau_patience=4)
    controls = [method.control(), method.control(approximation="zero"), RandomGradient().control()]
    assert [control.name for control in controls] == [
        "random-gradient",
        "zero-gradient",
        "zero-gradient",
    ]
    assert [control.schedule for control in controls[:2]] == [method.schedule] * 2


def work_of(method: GradientApproximation, bias: bool = False) -> Work:
    """Of one convolution that needs both gradients: 4 rows, 6x5 outputs, 3x3x3 kernels, 7."""
    model = nn.Sequential(nn.Conv2d(3, 7, 3, padding=1, bias=bias))
    images = torch.randn(4, 3, 6, 5, requires_grad=True)
    with method.attach(model, SGD(model.parameters(), lr=0.0)):
        method.begin_step(Batch(images, torch.zeros(4)))
        model(images)
    return method.work()


@pytest.mark.parametrize("kind", [ZeroGradient, RandomGradient])
def test_without_a_weight_gradient_half_of_the_backward_pass_is_left(kind: Any) -> None:
    work = work_of(kind("all"))
    assert work.executed.backward_weight == 0
    assert work.executed.backward_input == work.dense.backward_input
    assert work.executed.backward == work.dense.backward / 2
    assert work_of(kind("all"), bias=True).executed.backward_weight == 4 * 30 * 7


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("k", [1, 3])
def test_max_gradient_multiplies_one_patch_for_each_map_and_element_kept(
    k: int, bias: bool
) -> None:
    work = work_of(MaxGradient("all", k=k), bias)
    patches, choosing = 2 * (4 * 7 * k) * 27, 2 * 4 * 30 * 7
    biases = 4 * 30 * 7 if bias else 0
    assert work.executed.backward_weight == pytest.approx(patches + choosing + biases)


def test_keeping_more_elements_than_a_map_has_is_the_dense_product() -> None:
    work = work_of(MaxGradient("all", k=100))
    assert work.executed.backward_weight == work.dense.backward_weight + 2 * 4 * 30 * 7
