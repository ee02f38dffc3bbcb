"""DeadHorse: who is skipped by each policy, and what a skip saves."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from effmeter.errors import UnfitError, UsageError
from effmeter.methods.method import Batch
from effmeter.methods.side_effect_free import output_without_side_effects
from effmeter.methods.skipping.deadhorse import (
    POLICIES,
    DeadHorse,
    PolicyName,
    confidence_of,
    skipped_rows,
)
from effmeter.methods.skipping.sample_history import SampleHistory
from tests.methods.loops import ROWS, small_network, trained_with

CONFIDENCE = torch.tensor([0.9, 0.9, 0.5, torch.nan])
CORRECT = torch.tensor([True, False, True, True])


def skipped_by(policy: PolicyName, probability: float = 1.0) -> list[bool]:
    generator = torch.Generator().manual_seed(0)
    rows = skipped_rows(POLICIES[policy], CONFIDENCE, CORRECT, 0.7, probability, generator)
    return [bool(row) for row in rows]


@pytest.mark.parametrize("policy", ["dh", "hsdh"])
def test_the_right_and_confident_are_skipped(policy: PolicyName) -> None:
    assert skipped_by(policy) == [True, False, False, False]


@pytest.mark.parametrize("policy", ["ddh", "sddh", "hsddh", "cdh"])
def test_the_confident_are_skipped_right_or_wrong(policy: PolicyName) -> None:
    assert skipped_by(policy) == [True, True, False, False]


def test_random_policies_skip_with_their_probability_and_the_others_always() -> None:
    assert [policy for policy in POLICIES if not any(skipped_by(policy, 0.0))] == [
        "sddh",
        "hsdh",
        "hsddh",
    ]


def test_the_probability_can_be_the_confidence() -> None:
    confidence = torch.full((4000,), 0.8)
    right = torch.ones(4000, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    rows = skipped_rows(POLICIES["sddh"], confidence, right, 0.7, "confidence", generator)
    assert rows.float().mean().item() == pytest.approx(0.8, abs=0.03)


def test_confidence_is_the_largest_softmax() -> None:
    scores = torch.tensor([[0.0, 2.0], [1.0, 1.0]], dtype=torch.bfloat16)
    confidence, right = confidence_of(scores, torch.tensor([1, 1]))
    assert confidence.tolist() == pytest.approx([0.8808, 0.5], abs=1e-4)
    assert right.tolist() == [True, False]


class Scores(nn.Module):
    """Gives its inputs back as scores, through a weight so that there is something to train."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.scale.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.scale.weight


def scores_of(confident: list[bool]) -> Tensor:
    """Scores of two classes: the confident are sure of class 0."""
    return torch.tensor([[5.0 if sure else 0.1, 0.0] for sure in confident])


def attached(method: DeadHorse) -> Scores:
    model = Scores()
    method.attach(model, torch.optim.SGD(model.parameters(), 0.1))
    return model


def visit(method: DeadHorse, model: nn.Module, confident: list[bool]) -> list[int]:
    """Samples 0, 1, ... of class 0 are offered once; those trained on."""
    rows = len(confident)
    given = Batch(scores_of(confident), torch.zeros(rows, dtype=torch.int64), torch.arange(rows))
    batch = method.begin_step(given)
    if batch is None:
        return []
    model(batch.inputs)
    assert batch.index is not None
    return [int(row) for row in batch.index]


def test_a_reactive_policy_trains_on_the_unsure_rows_of_this_batch() -> None:
    method = DeadHorse("dh")
    model = attached(method)
    assert visit(method, model, [True, False, True, False]) == [1, 3]


def test_kept_rows_are_closed_up_and_weigh_as_the_part_that_they_are() -> None:
    method = DeadHorse("ddh")
    attached(method)
    inputs = scores_of([True, False, False, True])
    batch = method.begin_step(Batch(inputs, torch.tensor([0, 1, 0, 1]), weight=0.5))
    assert batch is not None
    assert torch.equal(batch.inputs, inputs[1:3])
    assert batch.targets.tolist() == [1, 0]
    assert batch.weight == 0.25


def test_a_batch_with_nobody_left_is_skipped_whole() -> None:
    method = DeadHorse("ddh")
    assert visit(method, attached(method), [True, True]) == []


def test_a_single_row_is_left_out_unless_asked_for() -> None:
    for fewest, expected in ((2, []), (1, [2])):
        method = DeadHorse("ddh", fewest_rows=fewest)
        assert visit(method, attached(method), [True, True, False]) == expected


def test_a_predictive_policy_skips_on_the_next_visit_and_comes_back() -> None:
    method = DeadHorse("hsddh", probability=1.0, revisit_every=3)
    model = attached(method)
    sure = [True, False, True, False]
    everyone, unsure = [0, 1, 2, 3], [1, 3]
    visits = [visit(method, model, sure) for _ in range(5)]
    assert visits == [everyone, unsure, unsure, everyone, unsure]


def test_a_class_is_skipped_as_one_by_its_mean_confidence() -> None:
    method = DeadHorse("cdh", threshold=0.7)
    model = attached(method)
    assert visit(method, model, [True, True, False, False]) == [0, 1, 2, 3]
    assert visit(method, model, [True, True, False, False]) == []


def test_a_predictive_policy_spares_the_forward_pass() -> None:
    method = DeadHorse("hsddh", threshold=0.4, probability=1.0, revisit_every=4)
    trainee = trained_with(method, epochs=6)
    part = trainee.rows_trained / (6 * ROWS)
    assert method.work().executed_fraction == pytest.approx(part, rel=0.01)


def test_a_reactive_policy_costs_a_forward_pass_of_every_row() -> None:
    method = DeadHorse("ddh", threshold=0.4)
    trainee = trained_with(method, epochs=6)
    work, part = method.work(), trainee.rows_trained / (6 * ROWS)
    assert part < 0.9
    assert work.executed.forward / work.dense.forward == pytest.approx(1 + part, rel=0.01)
    assert work.executed.backward / work.dense.backward == pytest.approx(part, rel=0.02)


def test_its_control_is_random_samples_of_the_same_work_in_each_segment() -> None:
    method = DeadHorse("hsddh", threshold=0.6, probability=1.0)
    trained_with(method, epochs=20)
    control = method.control(seed=1, epochs_per_segment=5)
    trained_with(control, epochs=20)
    mine = method.executed_fractions(5)
    assert min(mine) < 0.9
    assert control.executed_fractions(5) == pytest.approx(mine, abs=0.1)


def test_a_predictive_policy_without_an_index_is_refused() -> None:
    method = DeadHorse("cdh")
    attached(method)
    with pytest.raises(UnfitError, match="every row's number"):
        method.begin_step(Batch(scores_of([True]), torch.zeros(1, dtype=torch.int64)))


def test_scores_that_are_no_class_scores_are_refused() -> None:
    method = DeadHorse("hsdh")
    model = attached(method)
    batch = Batch(torch.ones(4, 2, 3), torch.zeros(4, dtype=torch.int64), torch.arange(4))
    assert method.begin_step(batch) is batch
    with pytest.raises(UnfitError, match="class scores"):
        model(batch.inputs)


@pytest.mark.parametrize("wrong", [{"threshold": 1.5}, {"probability": -0.1}, {"revisit_every": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        DeadHorse("hsdh", **wrong)


def test_an_evaluation_leaves_the_history_alone() -> None:
    method = DeadHorse("hsddh", probability=1.0)
    model = attached(method)
    visit(method, model, [False, False])
    model.eval()
    model(scores_of([True, True]))
    model.train()
    assert visit(method, model, [False, False]) == [0, 1]


def test_a_rehearsal_leaves_no_trace_and_gives_what_follows() -> None:
    model = small_network().train()
    inputs = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    before = [buffer.clone() for buffer in model.buffers()]
    seen = output_without_side_effects(model, inputs)
    assert not seen.requires_grad
    assert all(map(torch.equal, model.buffers(), before))
    assert torch.equal(model(inputs), seen)


def test_class_confidence_is_the_mean_of_what_was_seen_last() -> None:
    history = SampleHistory()
    classes = torch.tensor([0, 0, 2])
    right = torch.ones(3, dtype=torch.bool)
    history.record(torch.tensor([5, 1, 9]), torch.tensor([0.2, 0.6, 0.9]), right, classes)
    history.record(torch.tensor([5]), torch.tensor([1.0]), right[:1], classes[:1])
    mean = history.class_confidence(torch.tensor([0, 2, 1]))
    assert mean[:2].tolist() == pytest.approx([0.8, 0.9])
    assert mean[2].isnan()
