"""When the criteria end a loop, and when they go on."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.stopping import (
    AnyOf,
    Criterion,
    EnergyBudget,
    EpochResult,
    MaxEpochs,
    Once,
    Patience,
    Progress,
    Reason,
    TargetMetric,
    combine,
    overshoot_of,
    parse_criteria,
    parse_criterion,
)

NAN = math.nan


def joules(value_j: float) -> Energy:
    return Energy(value_j, value_j, value_j)


def after(*values: float, metric: str = "accuracy") -> Progress:
    """A loop whose epochs logged these values."""
    return Progress([EpochResult(n, {metric: v}) for n, v in enumerate(values, 1)])


def having_used(*totals_j: float, known: bool = True) -> Progress:
    """A loop that had used so much at the end of each epoch."""
    epochs = [EpochResult(n, {}, joules(t)) for n, t in enumerate(totals_j, 1)]
    return Progress(epochs, joules(totals_j[-1]) if totals_j else joules(0.0), known)


def stops_after(criterion: Criterion, values: list[float]) -> int | None:
    """The epoch at which a criterion ends a loop that logs these values."""
    for count in range(1, len(values) + 1):
        if criterion.reason(after(*values[:count])) is not None:
            return count
    return None


def test_max_epochs_stops_after_exactly_so_many() -> None:
    assert stops_after(MaxEpochs(3), [0.0] * 9) == 3


def test_a_target_is_reached_from_below_or_from_above() -> None:
    assert stops_after(TargetMetric("accuracy", 0.9), [0.5, 0.89, 0.9, 1.0]) == 3
    assert stops_after(TargetMetric("accuracy", 0.1, "min"), [0.5, 0.11, 0.05]) == 3


def test_patience_counts_epochs_without_improvement() -> None:
    assert stops_after(Patience("accuracy"), [0.1, 0.5, 0.5, 0.4, 0.3, 0.9]) == 5
    assert stops_after(Patience("accuracy", 2, mode="min"), [0.5, 0.4, 0.4, 0.6]) == 4


def test_patience_asks_for_an_improvement_of_at_least_min_delta() -> None:
    creeping = [0.5 + n / 100 for n in range(9)]
    assert stops_after(Patience("accuracy", 3), creeping) is None
    assert stops_after(Patience("accuracy", 3, min_delta=0.05), creeping) == 4


def test_patience_that_is_armed_waits_for_its_value_first() -> None:
    values = [0.1, 0.1, 0.1, 0.1, 0.7, 0.6, 0.6, 0.6]
    assert stops_after(Patience("accuracy", 3), values) == 4
    assert stops_after(Patience("accuracy", 3, armed_at=0.5), values) == 8
    assert stops_after(Patience("accuracy", 3, armed_at=0.9), values) is None


def test_patience_over_what_falls_is_armed_from_above() -> None:
    values = [2.0, 2.0, 2.0, 0.4, 0.5, 0.5]
    assert stops_after(Patience("accuracy", 2, mode="min"), values) == 3
    assert stops_after(Patience("accuracy", 2, mode="min", armed_at=0.5), values) == 6


def test_an_unarmed_patience_bounds_no_loop() -> None:
    assert Patience("accuracy", 3, min_delta=0.1).bounds(after(0.1))
    assert not Patience("accuracy", 3, min_delta=0.1, armed_at=0.5).bounds(after(0.1))


def test_epochs_that_did_not_log_the_metric_count_for_nothing() -> None:
    logged = [EpochResult(1, {"accuracy": 0.5}), *(EpochResult(n) for n in range(2, 20))]
    assert Patience("accuracy", 3).reason(Progress(logged)) is None


@pytest.mark.parametrize("criterion", [TargetMetric("accuracy", 0.9), Patience("accuracy")])
def test_a_metric_that_is_not_a_number_ends_an_unbounded_loop(criterion: Criterion) -> None:
    assert str(combine(criterion).reason(after(0.1, NAN))) == "metric-not-a-number: accuracy"


def test_a_metric_that_is_not_a_number_leaves_a_bounded_loop_to_its_bound() -> None:
    bounded = combine([TargetMetric("accuracy", 0.9), MaxEpochs(3)])
    assert bounded.reason(after(NAN, NAN)) is None
    assert str(bounded.reason(after(NAN, NAN, NAN))) == "max-epochs: 3"


def test_a_budget_stops_once_it_is_used() -> None:
    budget = EnergyBudget("2kJ")
    assert budget.reason(having_used(1000, 1999)) is None
    assert str(budget.reason(having_used(1000, 2000))) == "energy-budget: 2.00 kJ used"


def test_a_predictive_budget_refuses_the_epoch_that_would_not_fit() -> None:
    progress = having_used(700, 1400)
    assert EnergyBudget(2000).reason(progress) is None
    reason = EnergyBudget(2000, predict=True).reason(progress)
    assert str(reason) == "energy-budget: the next epoch would need 700 J"


def test_a_budget_that_cannot_be_measured_ends_an_unbounded_loop() -> None:
    budget = combine(EnergyBudget(2000))
    assert str(budget.reason(having_used(100, known=False))) == "budget-unmeasurable"


def test_a_budget_that_cannot_be_measured_leaves_a_bounded_loop_to_its_bound() -> None:
    bounded = combine([EnergyBudget(2000), MaxEpochs(2)])
    assert bounded.reason(having_used(100, known=False)) is None
    assert str(bounded.reason(having_used(100, 200, known=False))) == "max-epochs: 2"


def test_within_an_epoch_only_a_used_budget_stops() -> None:
    epochs = [EpochResult(1, {"accuracy": 1.0})]
    within = Progress(epochs, joules(3000), within_epoch=True)
    for criterion in (MaxEpochs(1), TargetMetric("accuracy", 0.5), Patience("accuracy", 1)):
        assert criterion.reason(within) is None
    assert str(EnergyBudget(2000).reason(within)) == "energy-budget: 3.00 kJ used, 1.00 kJ over"
    assert EnergyBudget(2000).reason(Progress(within_epoch=True)) is None


def test_either_of_two_or_both_together() -> None:
    either = MaxEpochs(5) | TargetMetric("accuracy", 0.9)
    both = MaxEpochs(5) & TargetMetric("accuracy", 0.9)
    values = [0.1, 0.95, 0.2, 0.3, 0.4, 0.5, 0.99, 1.0]
    assert stops_after(either, values) == 2
    assert stops_after(both, values) == 7
    assert str(both.reason(after(*values[:7]))) == "max-epochs: 5 and target-metric: accuracy 0.99"


def test_both_of_two_never_wait_for_one_that_is_blind() -> None:
    both = combine(MaxEpochs(5) & TargetMetric("accuracy", 0.9))
    assert str(both.reason(after(0.1, NAN))) == "metric-not-a-number: accuracy"


@given(st.lists(st.floats(allow_nan=True), max_size=30), st.integers(1, 10))
def test_a_bounded_loop_ends_whatever_is_logged(values: list[float], most: int) -> None:
    stop = combine([TargetMetric("accuracy", 0.5), Patience("accuracy"), MaxEpochs(most)])
    padded = values + [0.0] * most
    stopped = stops_after(stop, padded)
    assert stopped is not None
    assert stopped <= most


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_criterion_says_the_same_of_a_recording_as_of_the_live_loop(values: list[float]) -> None:
    criterion = combine([TargetMetric("accuracy", 0.9), Patience("accuracy", 2)])
    live = stops_after(criterion, values)
    cut = next((n for n in range(1, len(values) + 1) if criterion.reason(after(*values[:n]))), None)
    assert live == cut


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        ("epochs=50", MaxEpochs(50)),
        ("energy=2kJ", EnergyBudget("2kJ")),
        ("energy = 0.5 kWh", EnergyBudget("0.5 kWh")),
        ("energy=2kJ, predict", EnergyBudget("2kJ", predict=True)),
        ("patience=3,armed_at=0.9", Patience("accuracy", 3, armed_at=0.9)),
        ("patience=loss:4,armed_at=0.5", Patience("loss", 4, mode="min", armed_at=0.5)),
        ("train_accuracy=0.5", TargetMetric("train_accuracy", 0.5)),
        ("patience=3", Patience("accuracy", 3)),
        ("patience=loss:4", Patience("loss", 4, mode="min")),
        ("accuracy=0.97", TargetMetric("accuracy", 0.97)),
        ("test_loss=0.1", TargetMetric("test_loss", 0.1, "min")),
        ("fid=30", TargetMetric("fid", 30, "min")),
        ("bleu=0.3", TargetMetric("bleu", 0.3, "max")),
        ("patience=fid:3", Patience("fid", 3, mode="min")),
        ("patience=mae:3", Patience("mae", 3, mode="min")),
        ("patience=rmse:3", Patience("rmse", 3, mode="min")),
        ("patience=nll:3", Patience("nll", 3, mode="min")),
        ("reward=30:max", TargetMetric("reward", 30, "max")),
        ("loss=3 : max", TargetMetric("loss", 3, "max")),
        ("patience=reward:3:min", Patience("reward", 3, mode="min")),
        ("patience=3:min", Patience("accuracy", 3, mode="min")),
        ("patience=reward:3:max,armed_at=9", Patience("reward", 3, mode="max", armed_at=9)),
    ],
)
def test_criteria_can_be_written_as_text(text: str, criterion: Criterion) -> None:
    assert parse_criterion(text) == criterion


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("energy=2000", "write a number with a unit, such as 2kJ"),
        ("energy=-2kJ", "is not an energy"),
        ("energy=0J", "not an energy above zero"),
        ("colour=red", "has no number"),
        ("colour=3", "'colour' does not say whether less or more .*, as in colour=3:max"),
        ("patience=colour:3", "'colour' does not say whether .*, as in patience=colour:3:max"),
        ("colour=3:up", "has no number"),
        ("epochs", "is not a stopping criterion: write epochs=50"),
        ("epochs=0", "a whole number of epochs from 1"),
        ("epochs=many", "has no number"),
        ("patience=0", "a number of epochs from 1"),
        ("accuracy=nan", "a finite target"),
        ("energy=2kJ,soon", "'soon' is not an option here: write predict or accept_missing"),
        ("patience=3,predict", "'predict' is not an option here: write min_delta or armed_at"),
        ("patience=3,armed_at=inf", "armed at a finite value"),
    ],
)
def test_a_text_that_is_no_criterion_names_the_forms(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_criterion(text)


@pytest.mark.parametrize(
    "criterion",
    [
        MaxEpochs(7),
        TargetMetric("val_loss", 0.25, "min"),
        TargetMetric("accuracy", 0.97),
        Patience("accuracy", 3),
        Patience("loss", 2, mode="min", armed_at=0.5),
        TargetMetric("reward", 30.0, "max"),
        Patience("accuracy", 2, mode="min", armed_at=0.5),
        Patience("accuracy", 3, min_delta=0.1),
        EnergyBudget("2 kJ", predict=True),
        EnergyBudget("2 kJ", accept_missing=True),
    ],
)
def test_a_criterion_is_described_as_it_is_written(criterion: Criterion) -> None:
    assert parse_criterion(criterion.describe()) == criterion


def test_a_criterion_without_a_text_form_is_described_in_python() -> None:
    assert EnergyBudget(2000).describe() == "energy=2000 J"
    either = MaxEpochs(3) | TargetMetric("loss", 0.5, "min")
    assert either.describe() == "epochs=3 or loss=0.5"
    assert (MaxEpochs(3) & MaxEpochs(4)).describe() == "epochs=3 and epochs=4"
    assert Once(MaxEpochs(3)).describe() == "Once(criterion=MaxEpochs(epochs=3))"


def test_criteria_are_named_by_their_kind_and_by_their_text_where_that_repeats() -> None:
    texts = ["epochs=50", "train_accuracy=0.5", "patience=3", "patience=loss:3", "energy=2kJ"]
    named = parse_criteria(texts)
    assert list(named) == ["epochs", "accuracy", "patience=3", "patience=loss:3", "energy"]
    assert named["accuracy"] == TargetMetric("train_accuracy", 0.5)


@pytest.mark.parametrize("metric", ["val_loss", "fid", "mae", "rmse", "nll"])
def test_a_falling_metric_improves_by_falling_unless_the_mode_says_otherwise(metric: str) -> None:
    falling = [after(*values, metric=metric) for values in ([0.9, 0.5], [0.9, 0.5, 0.4, 0.05])]
    assert [Patience(metric, 1).reason(progress) for progress in falling] == [None, None]
    assert Patience(metric, 1, mode="max").reason(falling[0]) is not None
    target = TargetMetric(metric, 0.1)
    assert target.reason(falling[0]) is None
    assert target.reason(falling[1]) is not None
    assert TargetMetric(metric, 0.1, mode="max").reason(falling[0]) is not None


def test_a_metric_of_unknown_direction_needs_a_mode() -> None:
    for make in (lambda: TargetMetric("reward", 30), lambda: Patience("reward")):
        with pytest.raises(UsageError, match='pass mode="min" or mode="max"'):
            make()
    assert stops_after(TargetMetric("accuracy", 2, mode="max"), [0.0, 3.0]) == 2


def test_overshoot_is_what_was_used_beyond_the_least_budget() -> None:
    used = Energy(120.0, 110.0, 140.0, {"gpu0": 6.0})
    budgets = EnergyBudget(200) | (EnergyBudget(100) & MaxEpochs(3))
    assert overshoot_of(budgets, used) == Energy(20.0, 10.0, 40.0, {"gpu0": 6.0})
    assert overshoot_of(MaxEpochs(3), used) is None
    assert overshoot_of(budgets, None) is None


@pytest.mark.parametrize("stop", [[3], 3, MaxEpochs, "epochs=3"])
def test_what_is_no_criterion_is_refused(stop: Any) -> None:
    with pytest.raises(UsageError, match="is not a stopping criterion, such as MaxEpochs"):
        combine(stop)


def test_a_number_is_not_taken_for_the_name_of_a_metric() -> None:
    number: Any = 3
    with pytest.raises(UsageError, match="takes the name of a metric, as 'val_loss', not 3"):
        Patience(number)


def test_the_metrics_that_criteria_watch_are_known() -> None:
    stop = AnyOf((MaxEpochs(3), TargetMetric("accuracy", 1) & Patience("loss")))
    assert stop.metrics() == {"accuracy", "loss"}


def test_a_criterion_of_your_own_needs_a_reason_and_bounds_alone() -> None:
    class OddEpochs(Criterion):
        def reason(self, progress: Progress) -> Reason | None:
            return Reason("odd", str(len(progress.epochs))) if len(progress.epochs) % 2 else None

        def bounds(self, progress: Progress) -> bool:
            return False

    odd = OddEpochs()
    assert str((odd & MaxEpochs(2)).reason(after(0, 0, 0))) == "odd: 3 and max-epochs: 2"
    assert (odd.metrics(), odd.budgets()) == (frozenset(), ())
    with pytest.raises(UsageError, match="OddEpochs has no text form"):
        OddEpochs.parse("odd=3")
