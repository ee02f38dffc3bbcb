"""ssProp: its schedules, and the work that it leaves."""

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.flops.work import Work
from effmeter.methods.gradients.drop_schedules import DropCurve, DropSchedule
from effmeter.methods.gradients.ssprop import SsProp
from effmeter.methods.method import Batch, Cycle
from tests.methods.gradients.backward_loop import Loop, batches, network, same, trained


def drops(epochs: int, curve: DropCurve, **settings: Any) -> list[float]:
    schedule = DropSchedule(curve, 0.8, **settings)
    return [schedule.drop_at(epoch, epochs, 0) for epoch in range(epochs)]


def test_the_five_schedules_over_five_epochs() -> None:
    assert drops(5, "constant") == [0.8] * 5
    assert drops(5, "linear") == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    halves = [0.8 * (1 - math.cos(math.pi * n / 4)) / 2 for n in range(5)]
    assert drops(5, "cosine") == pytest.approx(halves)
    assert drops(5, "bar") == [0, 0, 0.8, 0.8, 0.8]
    assert drops(5, "period") == [0, 0.8, 0, 0.8, 0]
    assert drops(6, "period", period=3) == [0, 0.8, 0.8, 0, 0.8, 0.8]


def test_one_epoch_alone_has_a_schedule_too() -> None:
    assert drops(1, "linear") == [0.0]
    assert drops(1, "cosine") == [0.0]


def test_periods_in_iterations_alternate_within_an_epoch() -> None:
    schedule = DropSchedule("period", 0.8, 4, "iterations")
    assert [schedule.drop_at(0, None, n) for n in range(6)] == [0, 0, 0.8, 0.8, 0, 0]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"drop": 1.0}, "drop is a fraction"),
        ({"drop": -0.1}, "drop is a fraction"),
        ({"schedule": "sine"}, "'sine' is no schedule: constant"),
        ({"period": 1}, "dense and a sparse part"),
        ({"period_unit": "days"}, "epochs or iterations"),
    ],
)
def test_values_that_make_no_schedule_are_refused(settings: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        SsProp(**settings)


@pytest.mark.parametrize("curve", ["linear", "cosine", "bar"])
def test_a_schedule_over_the_training_must_know_its_length(curve: DropCurve) -> None:
    model = network()
    method = SsProp(0.8, curve)
    with (
        method.attach(model, SGD(model.parameters(), lr=0.1)),
        pytest.raises(UnfitError, match=f"ssprop's {curve} schedule needs the number of epochs"),
    ):
        method.begin_epoch(0)
    with pytest.raises(UnfitError, match="needs the number of epochs"):
        method.cycle()
    assert method.cycle(7) == Cycle(epochs=7)


def test_other_schedules_say_when_they_repeat() -> None:
    assert SsProp(schedule="constant").cycle() == Cycle()
    assert SsProp(period=4).cycle() == Cycle(epochs=4)
    assert SsProp(period=30, period_unit="iterations").cycle(9) == Cycle(batches=30)


def forward_work(method: SsProp, model: nn.Module, images: torch.Tensor) -> Work:
    with method.attach(model, SGD(model.parameters(), lr=0.0)):
        method.begin_epoch(1, 2)
        method.begin_step(Batch(images, torch.zeros(len(images))))
        model(images)
    return method.work()


def one_convolution() -> tuple[nn.Module, torch.Tensor]:
    """Of 7 output channels, so that a fifth of them is no whole number."""
    return nn.Sequential(nn.Conv2d(3, 7, 3, padding=1, bias=False)), torch.randn(4, 3, 6, 5)


def test_the_nominal_work_is_that_of_equations_9_to_11() -> None:
    model, images = one_convolution()
    work = forward_work(SsProp(0.8), model, images)
    m, n, channels = 4 * 6 * 5, 3 * 9, 7
    dense = 4 * m * n * channels
    assert work.nominal.backward == pytest.approx(0.2 * dense + m * channels)


def test_the_executed_work_is_of_whole_channels_and_without_the_images_gradient() -> None:
    model, images = one_convolution()
    work = forward_work(SsProp(0.7), model, images)
    m, n, channels, kept = 4 * 6 * 5, 3 * 9, 7, 2
    assert work.executed.backward == pytest.approx(2 * m * n * kept + m * channels)
    assert work.dense.backward == 2 * m * n * channels
    assert work.executed.forward == work.dense.forward == 2 * m * n * channels


def test_a_bias_is_dropped_with_its_channel() -> None:
    layer = nn.Conv2d(3, 10, 1)
    images = torch.randn(2, 3, 4, 4)
    work = forward_work(SsProp(0.5, selection="random"), nn.Sequential(layer), images)
    assert work.executed.backward == pytest.approx(work.dense.backward / 2)


def test_choosing_at_random_costs_nothing() -> None:
    model, images = one_convolution()
    chosen = forward_work(SsProp(0.7), model, images).executed.backward
    drawn = forward_work(SsProp(0.7, selection="random"), model, images).executed.backward
    assert chosen - drawn == 4 * 6 * 5 * 7


@pytest.mark.parametrize("dimension", ["height-and-width", "all"])
def test_what_cannot_be_skipped_is_said_to_be_dense(dimension: Any) -> None:
    model, images = one_convolution()
    work = forward_work(SsProp(0.8, dimension=dimension), model, images)
    assert work.executed.backward >= work.dense.backward
    assert work.nominal.backward >= work.dense.backward


def test_executed_work_falls_as_the_drop_rises() -> None:
    left = []
    for drop in (0.0, 0.3, 0.6, 0.9):
        method = SsProp(drop, "constant")
        trained(method)
        left.append(method.work().executed_fraction)
    assert left == sorted(left, reverse=True)
    assert left[0] == 1.0
    assert left[-1] < 0.6


def test_every_second_epoch_is_exactly_dense() -> None:
    first = trained(SsProp(0.8), (0,))
    assert same(first.state(), trained(SsProp(0.0), (0,)).state())
    assert not same(trained(SsProp(0.8), (1,)).state(), trained(SsProp(0.0), (1,)).state())


def test_a_schedule_in_iterations_goes_on_from_epoch_to_epoch() -> None:
    method = SsProp(0.5, period=6, period_unit="iterations")
    loop = Loop.new()
    sparse = []
    with method.attach(loop.model, loop.optimizer):
        for epoch in range(3):
            method.begin_epoch(epoch)
            for batch in batches(epoch):
                method.begin_step(batch)
                sparse.append(vars(loop.model)["_modules"]["0"].rule is not None)
    assert sparse == [False] * 3 + [True] * 3 + [False] * 3 + [True] * 3
