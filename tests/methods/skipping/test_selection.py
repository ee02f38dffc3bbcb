"""Batch skipping as in E2-Train: what is kept, and what a skip does."""

import pytest
import torch
from torch import Tensor, nn

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.method import Batch, Dense
from effmeter.methods.skipping.selection import E2Train
from tests.methods.loops import ROWS, trained_with


class OneWeight:
    """A weight of 0 whose gradient is the input; SGD at rate 1 with momentum 0.5."""

    def __init__(self, method: E2Train, set_to_none: bool = True) -> None:
        self.method, self.set_to_none = method, set_to_none
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.model.weight)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 1.0, momentum=0.5)
        method.attach(self.model, self.optimizer)

    def step(self, value: float) -> bool:
        """Whether the batch was kept."""
        batch = self.method.begin_step(Batch(torch.tensor([[value]]), torch.zeros(1)))
        if batch is None:
            return False
        self.optimizer.zero_grad(self.set_to_none)
        loss: Tensor = self.model(batch.inputs).sum()
        loss.backward()
        self.method.after_backward(loss)
        self.optimizer.step()
        return True

    @property
    def weight(self) -> float:
        return self.model.weight.item()


@pytest.mark.parametrize("set_to_none", [True, False])
def test_a_skipped_batch_steps_again_with_the_last_gradients(set_to_none: bool) -> None:
    loop = OneWeight(E2Train(keep=1e-9), set_to_none)
    assert [loop.step(value) for value in (1.0, 7.0, 9.0)] == [True, False, False]
    assert loop.weight == -(1.0 + 1.5 + 1.75)


def test_a_skipped_batch_can_do_nothing() -> None:
    loop = OneWeight(E2Train(keep=1e-9, on_skip="none"))
    assert [loop.step(value) for value in (1.0, 7.0)] == [True, False]
    assert loop.weight == -1.0


def test_gradients_are_replayed_as_the_optimizer_used_them() -> None:
    loop = OneWeight(E2Train(keep=1e-9))

    def halve(optimizer: object, arguments: object, named: object) -> None:
        assert loop.model.weight.grad is not None
        loop.model.weight.grad.mul_(0.5)

    loop.method.detach()
    clip = loop.optimizer.register_step_pre_hook(halve)
    loop.method.attach(loop.model, loop.optimizer)
    loop.step(1.0)
    clip.remove()
    stepped = loop.weight
    loop.step(7.0)
    assert stepped == -0.5
    assert loop.weight == -0.5 - (0.5 * 0.5 + 0.5)


def test_the_first_batch_is_always_kept_and_about_half_of_the_others() -> None:
    method = E2Train()
    trainee = trained_with(method, epochs=40)
    assert trainee.trained[0]
    assert trainee.rows_trained / (40 * ROWS) == pytest.approx(0.5, abs=0.1)
    assert method.work().executed_fraction == pytest.approx(trainee.rows_trained / (40 * ROWS))


def test_a_replay_in_the_middle_of_accumulated_gradients_is_refused() -> None:
    loop = OneWeight(E2Train(keep=1e-9))
    loop.step(1.0)
    loop.method.after_backward(torch.zeros(()))
    with pytest.raises(UnfitError, match="on_skip=none"):
        loop.step(2.0)


def test_its_control_is_the_dense_training() -> None:
    assert isinstance(E2Train().control(), Dense)


@pytest.mark.parametrize("keep", [0.0, 1.5])
def test_a_part_to_keep_that_is_none_is_refused(keep: float) -> None:
    with pytest.raises(UsageError, match="keep lies in"):
        E2Train(keep=keep)
