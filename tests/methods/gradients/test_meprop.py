"""meProp: which layers take part, and the work that it leaves."""

import pytest
import torch
from torch import nn
from torch.optim import SGD

from effmeter.errors import UsageError
from effmeter.methods.gradients.meprop import MeProp
from effmeter.methods.method import AttachError, Batch, Cycle


def perceptron() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 8), nn.ReLU(), nn.Linear(8, 40)
    )


def rules(method: MeProp) -> list[bool]:
    """Which linear layers run by a rule."""
    model = perceptron()
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        return ["rule" in vars(m) for m in model if isinstance(m, nn.Linear)]


def test_the_last_layer_and_layers_of_few_units_are_exempt() -> None:
    assert rules(MeProp(10)) == [True, False, False]
    assert rules(MeProp(4)) == [True, True, False]


def test_another_output_layer_can_be_named() -> None:
    assert rules(MeProp(4, output_layer="0")) == [False, True, True]


def test_the_work_is_that_of_the_units_kept_and_an_exact_bias() -> None:
    model, method = perceptron(), MeProp(4)
    inputs = torch.randn(6, 20, requires_grad=True)
    with method.attach(model, SGD(model.parameters(), lr=0.1)):
        method.begin_step(Batch(inputs, torch.zeros(6)))
        model(inputs)
    first, _, last = method.work()
    kept, bias, choosing = 2 * 6 * 20 * 4, 6 * 40, 6 * 40
    assert first.executed.backward_input == pytest.approx(kept)
    assert first.executed.backward_weight == pytest.approx(kept + bias + choosing)
    assert last.executed == last.dense
    assert method.cycle() == Cycle()


def test_no_unit_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="k is at least 1, not 0"):
        MeProp(0)


@pytest.mark.parametrize(
    ("model", "k", "why"),
    [
        (perceptron(), 40, "besides its output layer '4' .* of more than k = 40 units"),
        (nn.Sequential(nn.Flatten(), nn.Linear(20, 40)), 4, "besides its output layer '1'"),
    ],
)
def test_a_model_that_leaves_no_layer_to_work_on_is_refused(
    model: nn.Sequential, k: int, why: str
) -> None:
    with pytest.raises(AttachError, match=why):
        MeProp(k).attach(model, SGD(model.parameters(), lr=0.1))
    assert not any("rule" in vars(module) for module in model)
