"""A criterion that stays met."""

from hypothesis import given
from hypothesis import strategies as st

from effmeter.stopping import (
    EpochResult,
    Once,
    Patience,
    Progress,
    StopKind,
    TargetMetric,
    first_met,
)

ACCURACIES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def results(accuracies: list[float]) -> list[EpochResult]:
    return [EpochResult(n, {"accuracy": a}) for n, a in enumerate(accuracies, 1)]


@given(ACCURACIES, st.floats(0, 1))
def test_it_is_met_from_the_first_epoch_on_that_met_the_criterion_inside(
    accuracies: list[float], target: float
) -> None:
    inside = TargetMetric("accuracy", target)
    epochs = results(accuracies)
    met_at = first_met(inside, epochs)
    for count in range(1, len(epochs) + 1):
        is_met = Once(inside).reason(Progress(epochs[:count])) is not None
        assert is_met == (met_at is not None and count >= met_at)


def test_it_gives_the_reason_that_was_given_then() -> None:
    progress = Progress(results([0.5, 0.9, 0.4]))
    assert TargetMetric("accuracy", 0.8).reason(progress) is None
    assert (
        str(Once(TargetMetric("accuracy", 0.8)).reason(progress)) == "target-metric: accuracy 0.9"
    )


def test_both_of_two_may_be_met_at_different_epochs() -> None:
    both = Once(TargetMetric("accuracy", 0.8)) & Once(Patience("accuracy", 1))
    epochs = results([0.5, 0.4, 0.9])
    assert both.reason(Progress(epochs[:2])) is None
    assert both.reason(Progress(epochs)) is not None


def test_a_metric_that_is_not_a_number_meets_nothing() -> None:
    epochs = results([float("nan"), 0.9])
    criterion = TargetMetric("accuracy", 0.8)
    assert first_met(criterion, epochs[:1]) is None
    assert first_met(criterion, epochs) == 2
    reason = Once(criterion).reason(Progress(epochs[:1]))
    assert reason is not None
    assert reason.kind is StopKind.NOT_A_NUMBER
