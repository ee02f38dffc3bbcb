"""Reasons to stop, and the text that a run file holds of them."""

import pytest

from effmeter.reason import Reason, StopKind


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("max-epochs: 8", {StopKind.MAX_EPOCHS}),
        ("max-epochs", {StopKind.MAX_EPOCHS}),
        ("budget-unmeasurable", {StopKind.UNMEASURABLE}),
        ("energy-budget: 2.00 kJ used, 1.00 kJ over", {StopKind.ENERGY_BUDGET}),
        (
            "target-metric: loss and error 0.9 and energy-budget: 2.00 kJ used",
            {StopKind.TARGET_METRIC, StopKind.ENERGY_BUDGET},
        ),
        ("my-own: a detail: with a colon", {"my-own"}),
    ],
)
def test_the_text_of_a_run_file_is_parsed_into_kinds_and_written_again(
    text: str, kinds: set[str]
) -> None:
    reason = Reason.parse(text)
    assert reason.kinds == kinds
    assert str(reason) == text


def test_the_detail_stands_apart_from_the_kind() -> None:
    assert Reason.parse("max-epochs: 8") == Reason(StopKind.MAX_EPOCHS, "8")
    assert Reason.parse("max-epochs: 8").kind is StopKind.MAX_EPOCHS


def test_criteria_that_cannot_be_evaluated_are_not_met() -> None:
    blind = {kind for kind in StopKind if Reason(kind).is_blindness}
    assert blind == {StopKind.NOT_A_NUMBER, StopKind.UNMEASURABLE}
