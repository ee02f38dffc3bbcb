"""Random skipping: its rates, and the work of another run matched."""

import pytest
import torch
from torch import nn

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.method import Batch, Dense
from effmeter.methods.skipping.progressive_freezing import ProgressiveFreezing
from effmeter.methods.skipping.random_skipping import Level, RandomSkipping
from tests.methods.loops import ROWS, Trainee, images, trained_with

LEVELS: tuple[Level, ...] = ("batch", "sample", "step", "layer")


@pytest.mark.parametrize("level", ["batch", "sample"])
def test_skipped_rows_cost_nothing(level: Level) -> None:
    method = RandomSkipping(level, 0.4)
    trainee = trained_with(method, epochs=8)
    part = trainee.rows_trained / (8 * ROWS)
    assert part == pytest.approx(0.6, abs=0.1)
    assert method.work().executed_fraction == pytest.approx(part, rel=0.01)


def test_a_skipped_step_costs_its_forward_pass() -> None:
    method = RandomSkipping("step", 0.4)
    trainee = trained_with(method, epochs=8)
    work, part = method.work(), trainee.rows_trained / (8 * ROWS)
    assert work.executed.forward == work.dense.forward
    assert work.executed.backward / work.dense.backward == pytest.approx(part, rel=1e-6)


def test_a_skipped_step_moves_batch_norms_statistics_and_no_weight() -> None:
    trainee = Trainee()
    method = RandomSkipping("step", 1.0)
    method.attach(trainee.model, trainee.optimizer)
    inputs, _ = images()
    batch = Batch(inputs, torch.zeros(ROWS, dtype=torch.int64))
    trainee.model(batch.inputs).sum().backward()
    mean = trainee.model.get_buffer("1.running_mean")
    before = mean.clone()
    assert method.begin_step(batch) is None
    assert not torch.equal(mean, before)


def test_skipped_layers_cost_only_their_forward_pass() -> None:
    method = RandomSkipping("layer", 0.8)
    trained_with(method, epochs=4)
    work = method.work()
    assert work.executed.forward == work.dense.forward
    parts = [
        layer.executed.backward / layer.dense.backward
        for layer in work
        if layer.kind in ("convolution", "linear")
    ]
    assert parts == sorted(parts)
    assert parts[0] < 0.5
    assert parts[-1] > parts[-2] >= 0.3


@pytest.mark.parametrize("level", LEVELS)
def test_the_work_of_another_run_is_matched_segment_by_segment(level: Level) -> None:
    wanted = (0.9, 0.75)
    method = RandomSkipping(level, executed_fractions=wanted, epochs_per_segment=15)
    trained_with(method, epochs=30)
    assert method.executed_fractions(15) == pytest.approx(wanted, abs=0.06)


def test_epochs_past_the_last_segment_go_on_like_it() -> None:
    method = RandomSkipping("batch", executed_fractions=(1.0, 0.0), epochs_per_segment=1)
    trainee = trained_with(method, epochs=3)
    assert trainee.rows_trained == ROWS


def test_work_that_a_level_cannot_come_down_to_is_refused() -> None:
    with pytest.raises(UnfitError, match="level step leaves"):
        trained_with(RandomSkipping("step", executed_fractions=(0.1,)))


@pytest.mark.parametrize("wrong", [-0.1, 1.1])
def test_a_rate_that_is_no_fraction_is_refused(wrong: float) -> None:
    with pytest.raises(UsageError, match="lie in"):
        RandomSkipping("batch", wrong)


def test_its_control_is_the_dense_training() -> None:
    assert isinstance(RandomSkipping().control(), Dense)


class Tied(nn.Module):
    """A layer called twice, the second time last but one."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.middle, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.shared(self.middle(self.shared(inputs))))
        return scores


def test_a_layer_called_twice_counts_where_it_is_called_last() -> None:
    model = Tied()
    freezing = ProgressiveFreezing(model, FlopsAccount(model))
    model(torch.ones(1, 4)).sum().backward()
    assert freezing.settle() == ("middle", "shared", "head")
    freezing.freeze("middle")
    assert model.middle.weight.grad is None
    assert model.shared.weight.requires_grad


def test_a_weight_of_two_layers_is_frozen_with_the_later_one() -> None:
    first, last = nn.Linear(4, 4), nn.Linear(4, 4)
    last.weight = first.weight
    model = nn.Sequential(first, nn.Linear(4, 4), last)
    freezing = ProgressiveFreezing(model, FlopsAccount(model))
    model(torch.ones(2, 4)).sum().backward()
    freezing.settle()
    freezing.freeze("1")
    assert last.weight.requires_grad
    assert not first.bias.requires_grad
    freezing.close()
    assert all(parameter.requires_grad for parameter in model.parameters())
