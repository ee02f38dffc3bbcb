"""The directions that programs state; a broken statement is named."""

import pytest

from effmeter.errors import NotARunError
from effmeter.recorded.metric_modes import stated_modes
from effmeter.recorded.records import MetricMode, Note


def note(text: str, name: str = "metric_modes") -> Note:
    return Note(0, 0, "a", 1, name, None, text)


def test_the_last_statement_counts() -> None:
    notes = [
        note('{"fid": "max", "auc": "sideways"}'),
        note('{"fid": "min"}'),
        note('{"fid": "max"}', name="labels"),
    ]
    assert stated_modes(notes) == {"fid": MetricMode.MIN}


def test_a_statement_that_is_no_object_is_no_run() -> None:
    with pytest.raises(NotARunError, match="no object"):
        stated_modes([note("[]")])
