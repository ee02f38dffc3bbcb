"""Other recordings that shared the machine are known from what a run noted."""

import json

from effmeter.recorded.overlap import RecordedOverlap, overlaps_in
from effmeter.recorded.records import Note


def note(seconds: float | None, text: str, source: str = "host/0/1") -> Note:
    return Note(0, 0, source, 1, "overlap", seconds, text)


def test_a_recording_that_several_ranks_noted_counts_once_with_its_longest_time() -> None:
    text = json.dumps({"name": "other", "file": "/runs/other.arrow", "pid": 7})
    notes = [note(2.0, text), note(3.0, text, "host/1/2"), note(1.0, json.dumps({"others": 4}))]
    assert overlaps_in(notes) == (
        RecordedOverlap(3.0, "other", "/runs/other.arrow", 7),
        RecordedOverlap(1.0, others=4),
    )


def test_a_note_that_cannot_be_read_still_says_that_there_was_another() -> None:
    notes = [note(None, "{"), note(float("nan"), '{"name": 5, "pid": "x", "file": []}')]
    assert overlaps_in(notes) == (RecordedOverlap(None),)
    assert overlaps_in([Note(0, 0, None, None, "stop", None, "")]) == ()
