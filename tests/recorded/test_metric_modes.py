"""The directions that programs state; a broken statement is named."""

import pytest

from effmeter.errors import NotARunError
from effmeter.recorded.metric_modes import stated_modes
from effmeter.recorded.records import MetricMode, Note


def note(text: str, source: str = "a", name: str = "metric_modes") -> Note:
    return Note(0, 0, source, 1, name, None, text)


def test_the_last_statement_of_the_run_s_own_programs_counts() -> None:
    notes = [
        note('{"fid": "max", "auc": "sideways"}'),
        note('{"fid": "min"}'),
        note('{"fid": "max"}', source="another"),
        note('{"fid": "max"}', name="labels"),
    ]
    assert stated_modes(notes, {"a"}) == {"fid": MetricMode.MIN}


def test_a_statement_that_is_no_object_is_no_run() -> None:
    with pytest.raises(NotARunError, match="no object"):
        stated_modes([note("[]")], {"a"})
