"""GSkip: what qualifies, what a skip leaves out, and how the gates move."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.method import Batch
from effmeter.methods.skipping.gskip import GSkip
from effmeter.methods.skipping.gskip_gates import (
    LossGate,
    SimilarityGate,
    cosine,
    similarity_threshold,
)
from tests.methods.loops import BATCH_SIZE, Trainee, trained_with


class Steps:
    """Steps on one batch over and over: every gradient is like the one before."""

    def __init__(self, method: GSkip, micro_batches: int = 1) -> None:
        self.method, self.micro_batches = method, micro_batches
        self.trainee = Trainee(learning_rate=1e-6)
        self.trainee.model.eval()  # dropout off
        for module in self.trainee.model:
            module.training = not isinstance(module, nn.Dropout)
        method.attach(self.trainee.model, self.trainee.optimizer)
        method.begin_epoch(0, 10)

    def take(self, steps: int = 1) -> list[bool]:
        """Whether the first convolution was skipped in each step."""
        return [self._step() for _ in range(steps)]

    def _step(self) -> bool:
        self.trainee.optimizer.zero_grad()
        for _ in range(self.micro_batches):
            inputs = torch.linspace(0, 1, BATCH_SIZE * 64).reshape(BATCH_SIZE, 1, 8, 8)
            batch = self.method.begin_step(Batch(inputs, torch.arange(BATCH_SIZE) % 3))
            assert batch is not None
            loss = nn.functional.cross_entropy(self.trainee.model(batch.inputs), batch.targets)
            loss.backward()
            self.method.after_backward(loss)
        self.trainee.optimizer.step()
        return self.first.grad is None

    @property
    def first(self) -> nn.Parameter:
        return next(self.trainee.model.parameters())


def test_a_repeating_gradient_is_skipped_every_second_step() -> None:
    taken = Steps(GSkip(burn_in_steps=3, loss_tolerance=1.0)).take(9)
    assert taken == [False] * 5 + [True, False, True, False]


def test_a_skip_lasts_as_long_as_it_holds() -> None:
    taken = Steps(GSkip(burn_in_steps=0, loss_tolerance=1.0, hold=3)).take(10)
    assert taken == [False] * 2 + [True] * 3 + [False] + [True] * 3 + [False]


def test_behind_its_burn_in_it_is_inactive() -> None:
    method = GSkip(loss_tolerance=1.0)
    assert not any(Steps(method).take(20))
    assert not method.active


def test_a_burn_in_can_be_a_fraction_of_the_epochs() -> None:
    steps = Steps(GSkip(burn_in_fraction=0.5, loss_tolerance=1.0))
    assert not any(steps.take(5))
    steps.method.begin_epoch(5, 10)
    assert any(steps.take(5))


def test_a_fraction_of_unknown_epochs_is_refused() -> None:
    with pytest.raises(UnfitError, match="how many epochs"):
        GSkip(burn_in_fraction=0.5).begin_epoch(0)


def test_everything_nearer_the_input_is_skipped_and_the_last_layer_never() -> None:
    steps = Steps(GSkip(burn_in_steps=0, loss_tolerance=1.0))
    steps.take(3)
    gradients = {name: p.grad for name, p in steps.trainee.model.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is not None] == [
        "10.weight",
        "10.bias",
    ]


def test_a_skipped_layer_stands_still_with_its_momentum_while_batch_norm_moves() -> None:
    steps = Steps(GSkip(burn_in_steps=0, loss_tolerance=1.0))
    steps.take(2)
    mean = steps.trainee.model.get_buffer("1.running_mean")
    weight, mean_before = steps.first.clone(), mean.clone()
    momentum = steps.trainee.optimizer.state[steps.first]["momentum_buffer"].clone()
    assert steps.take() == [True]
    assert torch.equal(steps.first, weight)
    assert torch.equal(steps.trainee.optimizer.state[steps.first]["momentum_buffer"], momentum)
    assert not torch.equal(mean, mean_before)


def test_a_skip_runs_no_backward_pass_of_the_prefix() -> None:
    steps = Steps(GSkip(burn_in_steps=0, loss_tolerance=1.0))
    steps.take(2)
    before = steps.method.work()
    steps.take()
    skipped = steps.method.work() - before
    assert [layer.name for layer in skipped if layer.executed.backward] == ["10"]
    assert skipped.executed.forward == skipped.dense.forward


def test_resumed_in_a_skip_the_dense_work_is_that_of_whole_steps() -> None:
    settings = (
        GSkip(burn_in_steps=0, loss_tolerance=1.0),
        GSkip(burn_in_steps=0, loss_tolerance=1.0),
    )
    before, after = map(Steps, settings)
    assert before.take(2) == [False, False]
    after.method.load_state_dict(before.method.state_dict())
    assert after.take(2) == [True, False]
    assert after.method.work().dense == before.method.work().dense


def test_a_loss_that_moves_is_not_skipped() -> None:
    assert not any(Steps(GSkip(burn_in_steps=0, loss_tolerance=0.0)).take(8))


def test_accumulated_gradients_are_compared_when_they_are_whole() -> None:
    taken = Steps(GSkip(burn_in_steps=3, loss_tolerance=1.0), micro_batches=3).take(9)
    assert taken == [False] * 5 + [True, False, True, False]


def test_its_control_skips_random_layers_of_the_same_work() -> None:
    method = GSkip(
        burn_in_steps=0, loss_tolerance=5.0, counter_start=-20, most_tolerance_medians=1e6
    )
    trained_with(method, epochs=12)
    control = method.control(seed=3, epochs_per_segment=4)
    trained_with(control, epochs=12)
    assert control.level == "layer"
    assert control.work().executed_fraction == pytest.approx(
        method.work().executed_fraction, abs=0.04
    )


def test_a_control_before_training_is_refused() -> None:
    with pytest.raises(UnfitError, match="no work to repeat yet"):
        GSkip().control()


@pytest.mark.parametrize(
    "wrong", [{"hold": 0}, {"burn_in_fraction": 1.5}, {"burn_in_fraction": -0.1}]
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"skip holds|burn_in"):
        GSkip(**wrong)


def test_the_threshold_is_the_papers() -> None:
    assert similarity_threshold(0) == 0.5
    assert similarity_threshold(10) == pytest.approx(1 / (1 + math.exp(-2)))


@given(st.lists(st.booleans(), max_size=80))
def test_a_counter_saturates_and_falls_only_while_nothing_is_skipped(skips: list[bool]) -> None:
    gate = SimilarityGate(start=2, limit=4, patience=2)
    threshold = gate.threshold("layer")
    for skipped in skips:
        gate.decided("layer", skipped)
        after = gate.threshold("layer")
        assert similarity_threshold(-4) <= after <= similarity_threshold(4)
        assert after >= threshold if skipped else after <= threshold
        threshold = after


def test_a_layer_that_waits_is_asked_for_less() -> None:
    gate = SimilarityGate(start=0, patience=3)
    for _ in range(7):
        gate.decided("layer", skipped=False)
    assert gate.threshold("layer") == similarity_threshold(-2)


def test_the_cosine_is_that_of_all_parts_together_with_the_gradient_before() -> None:
    one = [torch.tensor([[1.0, 2.0]]), torch.tensor([3.0])]
    other = [torch.tensor([[0.5, -1.0]]), torch.tensor([4.0])]
    whole = [torch.cat([part.flatten() for part in parts]) for parts in (one, other)]
    expected = nn.functional.cosine_similarity(whole[0], whole[1], dim=0)
    gate = SimilarityGate()
    assert gate.compare({"layer": one}) == {}
    torch.testing.assert_close(gate.compare({"layer": other})["layer"], expected)


def test_the_cosine_with_a_zero_gradient_is_not_known() -> None:
    assert cosine(torch.tensor([[0.0, 0.0, 4.0]])).isnan()


def losses(*values: float) -> list[Tensor]:
    return [torch.tensor(value) for value in values]


def test_the_loss_is_compared_with_the_average_of_those_before() -> None:
    gate = LossGate(losses=4)
    distances = [gate.distance(loss).item() for loss in losses(1.0, 2.0, 1.0)]
    assert distances == [math.inf, pytest.approx(1.0), pytest.approx(0.4)]


def test_a_relative_distance_is_a_fraction_of_the_average() -> None:
    gate = LossGate(relative=True)
    distances = [gate.distance(loss).item() for loss in losses(4.0, 5.0)]
    assert distances[1] == pytest.approx(0.25)


def test_a_falling_loss_doubles_the_tolerance_and_a_rising_one_halves_it() -> None:
    gate = LossGate(tolerance=0.01)
    for loss in losses(1.0, 2.0):
        gate.distance(loss)
    assert not gate.end_epoch(1.0)
    assert gate.tolerance == 0.02
    assert gate.end_epoch(1.0)
    assert gate.tolerance == 0.01


def test_an_epoch_without_a_trained_batch_says_nothing_of_the_loss() -> None:
    gate = LossGate(tolerance=0.01)
    gate.end_epoch(2.0)
    assert not gate.end_epoch(math.nan)
    assert gate.tolerance == 0.02
    assert not gate.end_epoch(1.0)
    assert gate.tolerance == 0.04


def test_the_tolerance_stays_within_its_bounds() -> None:
    gate = LossGate(tolerance=1.0, most_tolerance_medians=10.0, least_tolerance=0.5)
    for loss in losses(1.0, 1.01):
        gate.distance(loss)
    gate.end_epoch(1.0)
    assert gate.tolerance == 0.5
    gate.end_epoch(2.0)
    assert gate.tolerance == 0.5
