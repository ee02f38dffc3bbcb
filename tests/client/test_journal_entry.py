"""The lines of the journal."""

import json
from typing import Any

import pytest

from effmeter.client.journal_entry import JournalEntry
from tests.client.journal_entries import entry


def test_a_line_holds_the_whole_entry() -> None:
    full = entry("r", 7, 5, parent_run_id="p", job_id="j", launch="k", rank=0, end_ns=9)
    for one in (full, entry("r"), entry("r", is_main_thread=False)):
        assert JournalEntry.from_mapping(json.loads(one.begin_line())) == one


@pytest.mark.parametrize(
    "change",
    [
        {"pid": "7"},
        {"pid": -1},
        {"begin_ns": 1.5},
        {"begin_ns": 10**30},
        {"name": None},
        {"rank": True},
    ],
)
def test_a_line_with_an_impossible_value_is_no_entry(change: dict[str, Any]) -> None:
    described = json.loads(entry("r").begin_line())
    assert JournalEntry.from_mapping({**described, **change}) is None


def test_a_line_without_a_field_is_no_entry_and_unknown_fields_are_passed_over() -> None:
    described = json.loads(entry("r").begin_line())
    assert JournalEntry.from_mapping({**described, "later": [1]}) == entry("r")
    del described["run_file"]
    assert JournalEntry.from_mapping(described) is None
