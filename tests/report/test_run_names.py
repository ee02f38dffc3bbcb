"""A list calls each run by a name of its own."""

from pathlib import Path

from effmeter.recorded.reading import read_runs
from effmeter.report.run_names import names_of
from tests.recorded.nested_runs import Inner, write_nested
from tests.report.runs import write_plain


def test_a_name_that_no_other_run_has_stands_as_it_is(tmp_path: Path) -> None:
    write_nested(tmp_path / "own.arrow", [Inner("a", 1, 2), Inner("b", 3, 4)])
    assert names_of(read_runs(tmp_path)) == ["command", "a", "b"]


def test_runs_of_one_name_are_called_by_file_by_labels_or_by_number(tmp_path: Path) -> None:
    inner = [
        Inner("trial", 1, 2, labels={"lr": 0.1}),
        *(Inner("trial", place, place + 1, run_id=f"t{place}") for place in (3, 5)),
    ]
    write_nested(tmp_path / "a.arrow", inner, name="trial")
    write_plain(tmp_path / "b.arrow", "trial")
    names = ["a", "trial lr=0.1", "trial #1", "trial #2", "b"]
    assert names_of(read_runs(tmp_path)) == names
