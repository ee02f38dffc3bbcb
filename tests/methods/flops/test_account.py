import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.flops.work import BackwardShare, LayerWork

ROWS = 5


def small_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, bias=False),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(6 * 16, 3),
    )


@pytest.fixture
def model() -> nn.Sequential:
    return small_net()


@pytest.fixture
def account(model: nn.Sequential) -> FlopsAccount:
    account = FlopsAccount(model)
    account.open()
    return account


def images(rows: int = ROWS) -> Tensor:
    return torch.zeros(rows, 1, 8, 8)


def step(model: nn.Module, rows: int = ROWS) -> None:
    cross_entropy(model(images(rows)), torch.zeros(rows, dtype=torch.int64)).backward()


def layers(account: FlopsAccount) -> dict[str, LayerWork]:
    return {layer.name: layer for layer in account.work()}


def test_a_plain_step_executes_what_is_dense(model: nn.Sequential, account: FlopsAccount) -> None:
    for rows in (ROWS, 2):
        account.offer(rows)
        step(model, rows)
    work = account.work()
    assert work.executed == work.dense
    assert work.executed_fraction == 1
    assert work.kinds == ("convolution", "batch norm", "dropout", "linear")


def test_nobody_computes_the_gradient_to_the_input_of_the_first_layer(
    model: nn.Sequential, account: FlopsAccount
) -> None:
    account.offer(ROWS)
    step(model)
    stem = layers(account)["0"]
    assert stem.executed.backward_input == 0
    assert stem.nominal.backward_input == stem.executed.backward_weight > 0


def test_a_batch_that_is_skipped_costs_nothing_and_was_dense(
    model: nn.Sequential, account: FlopsAccount
) -> None:
    account.offer(ROWS)
    step(model)
    once = account.work()
    account.offer(ROWS)
    assert account.work().executed == once.executed
    assert account.work().dense == once.dense * 2
    assert account.work().executed_fraction == pytest.approx(0.5)


def test_a_batch_skipped_before_any_step_ran_is_booked_later(
    model: nn.Sequential, account: FlopsAccount
) -> None:
    account.offer(ROWS)
    account.offer(ROWS)
    step(model)
    assert account.work().executed_fraction == pytest.approx(0.5)


def test_a_forward_pass_without_gradients_costs_no_backward(
    model: nn.Sequential, account: FlopsAccount
) -> None:
    account.offer(ROWS)
    with torch.no_grad():
        model(images())
    assert account.work().executed.forward > 0
    assert account.work().executed.backward == 0


def test_rows_that_are_left_out_after_a_look_save_their_backward(
    model: nn.Sequential, account: FlopsAccount
) -> None:
    account.offer(ROWS)
    with torch.no_grad():
        model(images())
    step(model, 1)
    linear = layers(account)["6"]
    assert linear.executed.forward == pytest.approx(linear.dense.forward * (1 + 1 / ROWS))
    assert linear.executed.backward == pytest.approx(linear.dense.backward / ROWS)


def test_evaluation_is_not_training(model: nn.Sequential, account: FlopsAccount) -> None:
    model.eval()
    model(images())
    assert account.work().executed.total == 0


def test_frozen_layers_nearest_the_input_have_no_backward(
    model: nn.Sequential, account: FlopsAccount
) -> None:
    account.offer(ROWS)
    step(model)
    dense = layers(account)
    for frozen in (model[0], model[1]):
        frozen.requires_grad_(False)
    account.offer(ROWS)
    step(model)
    after = layers(account)
    for name in ("0", "1"):
        assert after[name].executed.backward == dense[name].executed.backward
        assert after[name].executed.forward == 2 * dense[name].executed.forward
    second = after["3"].executed - dense["3"].executed
    assert second.backward_input == 0, "nothing in front of it asks for that gradient"
    assert second.backward_weight == dense["3"].executed.backward_weight


def test_a_rewritten_backward_pass_counts_its_share_and_what_it_adds(
    model: nn.Sequential, account: FlopsAccount
) -> None:
    account.share(
        model[3], BackwardShare(0.5, 0.25, flops_per_output=1.0), nominal=BackwardShare(0.4, 0.4)
    )
    account.offer(ROWS)
    step(model)
    layer = layers(account)["3"]
    outputs = ROWS * 6 * 16
    dense = 2 * outputs * 4 * 9
    assert layer.executed.backward_input == dense * 0.5
    assert layer.executed.backward_weight == dense * 0.25 + outputs
    assert layer.nominal.backward == pytest.approx(dense * 0.8)


@pytest.mark.parametrize(
    ("added", "cost"),
    [
        (BackwardShare(flops_per_output=2.0), 2 * ROWS * 6 * 16),
        (BackwardShare(weight_flops_per_output=2.0), 0),
    ],
)
def test_choosing_costs_also_where_only_the_gradient_to_the_input_runs(
    model: nn.Sequential, account: FlopsAccount, added: BackwardShare, cost: float
) -> None:
    model[3].requires_grad_(False)
    account.share(model[3], added)
    account.offer(ROWS)
    step(model)
    layer = layers(account)["3"]
    assert layer.executed.backward_weight == 0
    assert layer.executed.backward_input == layer.dense.backward_input + cost


def test_a_closed_flops_counts_no_longer(model: nn.Sequential, account: FlopsAccount) -> None:
    account.close()
    step(model)
    assert account.work().executed.total == 0
    assert not any(layer._forward_hooks for layer in model)


def test_the_difference_of_two_accounts_is_the_work_between(
    model: nn.Sequential, account: FlopsAccount
) -> None:
    account.offer(ROWS)
    step(model)
    before = account.work()
    account.offer(2)
    step(model, 2)
    between = account.work() - before
    assert between.executed == between.dense
    assert between.of_kind("linear").dense.forward == 2 * (2 * 96 * 3 + 3)
