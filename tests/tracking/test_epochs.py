"""The loop over epochs: their marks, what ends them, and what is known of a budget."""

from collections.abc import Sequence

import pytest

from effmeter.client.vocabulary import Event
from effmeter.errors import EffmeterWarning
from effmeter.stopping import (
    Criterion,
    EnergyBudget,
    MaxEpochs,
    Patience,
    StopKind,
    TargetMetric,
    combine,
)
from effmeter.tracking.epochs import LEFT_EARLY, EpochLoop
from effmeter.tracking.marks import Marks
from effmeter.tracking.meter import Meter
from effmeter.wire.protocol import Message
from tests.tracking.scripted import ScriptedSession, answers, total


class Loop:
    """A loop of a run whose recorder gives out the totals of a script."""

    def __init__(self, totals: Sequence[Message | None] = ()) -> None:
        self.session = ScriptedSession(*totals)
        self.marks = Marks()
        self.marks.session = self.session
        self.marks.meter = Meter(self.session, 0)
        self.epochs = EpochLoop(self.marks, synchronises=False)

    def numbers(self, *stop: Criterion) -> list[int]:
        """The epochs of one loop until a criterion ends it."""
        return [epoch.number for epoch in self.epochs.iterate(combine(stop))]

    def notes(self) -> dict[str, str]:
        return {note["name"]: note["text"] for note in self.session.sent("note")}


def test_each_epoch_is_marked_and_the_reason_of_the_end_is_noted() -> None:
    loop = Loop()
    ids = [epoch.id for epoch in loop.epochs.iterate(combine(MaxEpochs(2)))]
    root = loop.marks.root_id
    assert loop.session.sent("epoch_begin", "epoch_end") == [
        mark
        for number, id_ in enumerate(ids, 1)
        for mark in (
            {"event": "epoch_begin", "id": id_, "parent": root, "value": float(number)},
            {"event": "epoch_end", "id": id_, "value": float(number)},
        )
    ]
    assert loop.epochs.stopped_by is not None
    assert loop.epochs.stopped_by.kind is StopKind.MAX_EPOCHS
    assert loop.notes() == {"stop": "max-epochs: 2"}


def test_an_epoch_ends_when_the_next_is_asked_for() -> None:
    loop = Loop()
    epochs = loop.epochs.iterate(combine(MaxEpochs(5)))
    first = next(epochs)
    ends_ns = [first.end_ns]
    second = next(epochs)
    assert ends_ns == [None]
    assert first.end_ns is not None
    assert first.begin_ns <= first.end_ns <= second.begin_ns
    assert loop.marks.nesting.innermost == second.id


def test_a_second_stage_has_its_own_epochs_and_reason_and_numbers_go_on() -> None:
    loop = Loop()
    assert loop.numbers(MaxEpochs(2)) == [1, 2]
    later = loop.epochs.iterate(combine(MaxEpochs(3)))
    assert loop.epochs.stopped_by is None
    assert [epoch.number for epoch in later] == [3, 4, 5]
    assert [result.number for result in loop.epochs.done] == [1, 2, 3, 4, 5]
    stops = [note["text"] for note in loop.session.sent("note")]
    assert stops == ["max-epochs: 2", "max-epochs: 3"]


@pytest.mark.parametrize(
    ("stop", "needed"), [(TargetMetric("accuracy", 0.9), 1), (Patience("accuracy", 2), 3)]
)
def test_what_one_stage_logged_ends_no_later_one(stop: Criterion, needed: int) -> None:
    loop = Loop()
    for _ in range(2):
        numbers = []
        for epoch in loop.epochs.iterate(combine(stop)):
            numbers.append(epoch.number)
            epoch.log(accuracy=0.95)
        assert len(numbers) == needed
    assert numbers[-1] == 2 * needed


def test_the_budget_of_a_later_stage_counts_from_its_beginning() -> None:
    loop = Loop(answers([40.0, 80.0, 120.0, 150.0, 190.0, 230.0]))
    assert loop.numbers(EnergyBudget(100)) == [1, 2, 3]
    assert loop.marks.meter is not None
    before = loop.marks.meter.ask()
    later = loop.epochs.iterate(combine(EnergyBudget(60, predict=True)), before)
    assert [epoch.number for epoch in later] == [4]
    assert str(loop.epochs.stopped_by) == "energy-budget: the next epoch would need 40.0 J"
    assert loop.epochs.overshoot is not None
    assert loop.epochs.overshoot.value_j == pytest.approx(-20)
    used = [result.used and result.used.value_j for result in loop.epochs.done]
    assert used == [40, 80, 120, 190], "since the run began"


def test_the_budget_of_a_stage_whose_beginning_is_unknown_cannot_be_measured() -> None:
    loop = Loop(answers([40.0, 80.0]))
    assert loop.numbers(MaxEpochs(1)) == [1]
    assert loop.numbers(EnergyBudget(100)) == [2]
    assert loop.notes()["stop"] == "budget-unmeasurable"


def test_a_loop_inside_an_epoch_of_another_leaves_that_ones_criteria_alone() -> None:
    loop = Loop()
    for epoch in loop.epochs.iterate(combine(MaxEpochs(2))):
        if epoch.number == 1:
            assert loop.numbers(MaxEpochs(3)) == [2, 3, 4]
    assert [result.number for result in loop.epochs.done] == [1, 2, 3, 4, 5]


def test_results_hold_what_the_epochs_logged_when_they_ended() -> None:
    loop = Loop()
    for epoch in loop.epochs.iterate(combine(TargetMetric("accuracy", 0.75))):
        epoch.log(accuracy=epoch.number / 4)
    assert [dict(result.metrics) for result in loop.epochs.done] == [
        {"accuracy": 0.25},
        {"accuracy": 0.5},
        {"accuracy": 0.75},
    ]


def test_an_epoch_that_a_break_leaves_is_closed_and_says_so() -> None:
    loop = Loop()
    epochs = loop.epochs.iterate(combine(None))
    next(epochs).log(loss=0.5)
    del epochs
    (end,) = loop.session.sent("epoch_end")
    assert end["text"] == LEFT_EARLY
    (result,) = loop.epochs.done
    assert (dict(result.metrics), result.used) == ({"loss": 0.5}, None)
    assert loop.marks.nesting.innermost == loop.marks.root_id


def test_an_epoch_of_a_held_iterator_ends_at_the_last_mark() -> None:
    loop = Loop()
    epochs = loop.epochs.iterate(combine(None))
    epoch = next(epochs)
    epoch.log(loss=0.5)
    (logged,) = [m for m in loop.session.marks if m["event"] == Event.METRIC]
    loop.epochs.leave()
    assert epoch.end_ns == logged["time_ns"]
    loop.epochs.leave()
    del epochs
    assert len(loop.session.sent("epoch_end")) == 1


def test_an_epoch_that_a_new_loop_leaves_behind_is_closed_first() -> None:
    loop = Loop()
    held = loop.epochs.iterate(combine(None))
    first = next(held)
    second = next(loop.epochs.iterate(combine(None)))
    assert (first.number, second.number) == (1, 2)
    assert [mark["event"] for mark in loop.session.marks][:3] == [
        "epoch_begin",
        "epoch_end",
        "epoch_begin",
    ]


def test_a_run_that_ends_may_date_the_end_of_an_open_epoch() -> None:
    loop = Loop()
    epochs = loop.epochs.iterate(combine(None))
    epoch = next(epochs)
    loop.epochs.leave(epoch.begin_ns + 5)
    assert epoch.end_ns == epoch.begin_ns + 5


def test_a_metric_that_the_first_epoch_did_not_log_is_warned_of() -> None:
    loop = Loop()
    epochs = loop.epochs.iterate(combine([TargetMetric("accuracy", 0.9), MaxEpochs(1)]))
    next(epochs).log(loss=0.5)
    with pytest.warns(EffmeterWarning, match="watches 'accuracy', but its first .* logged loss"):
        assert list(epochs) == []


def test_without_a_budget_no_epoch_waits_for_a_total() -> None:
    loop = Loop()
    assert loop.numbers(MaxEpochs(3)) == [1, 2, 3]
    assert loop.session.asked == 0
    assert loop.session.requested >= 1


def test_a_budget_ends_the_loop_with_what_was_used_beyond_it() -> None:
    loop = Loop(answers([40.0, 80.0, 120.0, 160.0]))
    assert loop.numbers(EnergyBudget(100)) == [1, 2, 3]
    assert [result.used and result.used.value_j for result in loop.epochs.done] == [40, 80, 120]
    assert loop.epochs.overshoot is not None
    assert loop.epochs.overshoot.value_j == pytest.approx(20)
    assert loop.notes() == {
        "stop": "energy-budget: 120 J used, 20.0 J over",
        "overshoot": "20.0 J over the budget",
    }


def test_what_one_loop_used_is_not_taken_for_what_a_later_one_did() -> None:
    loop = Loop(answers([120.0]))
    assert loop.numbers(EnergyBudget(100)) == [1]
    assert loop.numbers(MaxEpochs(1)) == [2]
    assert [result.used is None for result in loop.epochs.done] == [False, True]
    assert loop.epochs.overshoot is None


def test_a_budget_that_predicts_ends_the_loop_below_it() -> None:
    loop = Loop(answers([40.0, 80.0, 120.0]))
    assert loop.numbers(EnergyBudget(100, predict=True)) == [1, 2]
    assert loop.epochs.overshoot is not None
    assert loop.epochs.overshoot.value_j == pytest.approx(-20)
    assert loop.notes()["overshoot"] == "20.0 J below the budget"


@pytest.mark.parametrize("blind", [None, total(2, 80.0, unread=["cpu0"])])
def test_a_budget_that_is_no_longer_measured_ends_only_a_loop_that_nothing_else_bounds(
    blind: Message | None,
) -> None:
    totals = [total(1, 40.0), blind, blind, blind]
    alone, bounded = Loop(totals), Loop(totals)
    assert alone.numbers(EnergyBudget(100)) == [1, 2]
    assert alone.epochs.stopped_by is not None
    assert alone.epochs.stopped_by.kind is StopKind.UNMEASURABLE
    assert alone.epochs.overshoot is None
    assert bounded.numbers(EnergyBudget(100), MaxEpochs(3)) == [1, 2, 3]


def test_a_budget_is_not_measured_by_the_last_answer_of_a_recorder_that_is_gone() -> None:
    loop = Loop(answers([40.0, 80.0]))
    epochs = loop.epochs.iterate(combine(EnergyBudget(100)))
    next(epochs)
    loop.session.answers_still = False
    assert list(epochs) == []
    assert loop.notes() == {"stop": "budget-unmeasurable"}


def test_a_step_ends_an_epoch_in_which_the_budget_is_used() -> None:
    loop = Loop(answers([40.0, 110.0]))
    steps = []
    for epoch in loop.epochs.iterate(combine(EnergyBudget(100))):
        loop.session.pushed = total(epoch.number, 99.0)
        steps.append(loop.epochs.step())
        if epoch.number == 2:
            loop.session.pushed = total(epoch.number, 101.0)
            steps += [loop.epochs.step(), loop.epochs.step()]
    assert steps == [False, False, True, True]
    assert len(loop.epochs.done) == 2
    assert loop.epochs.overshoot is not None
    assert loop.epochs.overshoot.value_j == pytest.approx(10), "by the end of the epoch"
    assert [note["name"] for note in loop.session.sent("note")] == ["stop", "overshoot"]


def test_a_step_without_a_budget_or_a_total_never_ends_an_epoch() -> None:
    loop = Loop()
    for _ in loop.epochs.iterate(combine(MaxEpochs(1))):
        loop.session.pushed = total(1, 1000.0)
        assert not loop.epochs.step()
    blind = Loop()
    next(blind.epochs.iterate(combine(EnergyBudget(100))))
    assert not blind.epochs.step()
