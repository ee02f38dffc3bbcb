"""The status of a run, and the text that a run file holds of it."""

import pytest

from effmeter.status import DetailedStatus, Status


@pytest.mark.parametrize(
    ("text", "status", "detail"),
    [
        ("completed", Status.COMPLETED, ""),
        ("failed: ValueError", Status.FAILED, "ValueError"),
        ("out of memory", Status.OUT_OF_MEMORY, ""),
        ("diverged: the loss of epoch 3 is nan", Status.DIVERGED, "the loss of epoch 3 is nan"),
        ("the recorder was stopped", Status.RECORDER_STOPPED, ""),
        ("ran out of patience", Status.OTHER, "ran out of patience"),
        ("mine: failed: no", Status.OTHER, "mine: failed: no"),
        ("other", Status.OTHER, "other"),
    ],
)
def test_the_text_of_a_run_file_is_parsed_and_written_again(
    text: str, status: Status, detail: str
) -> None:
    parsed = DetailedStatus.parse(text)
    assert parsed == (status, detail)
    assert str(parsed) == text


def test_a_status_compares_with_its_word() -> None:
    word: str = DetailedStatus.parse("completed").status
    assert word == "completed"
