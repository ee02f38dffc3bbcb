"""Lists show runs below the runs that surround them."""

from pathlib import Path

from effmeter.analysis.run_tree import surrounding, tree_of
from effmeter.recorded.reading import read_runs
from effmeter.recorded.run import RecordedRun
from tests.recorded.nested_runs import Inner, write_nested
from tests.runfile.writing import RunFile, metadata


def named(runs: list[RecordedRun]) -> list[tuple[str, int]]:
    return [(runs[place].name, depth) for place, depth in tree_of(runs)]


def test_each_run_stands_below_the_one_that_it_ran_inside(tmp_path: Path) -> None:
    inner = [
        Inner("a", 1, 4, parent="run-1"),
        Inner("b", 5, 9),
        Inner("a-1", 2, 3, parent="a"),
    ]
    runs = read_runs(write_nested(tmp_path / "run.arrow", inner))
    assert named(runs) == [("command", 0), ("a", 1), ("a-1", 2), ("b", 1)]
    assert named(runs[2:]) == [("a-1", 0), ("b", 0)], "without those around them"
    assert surrounding([runs[0], runs[2]]) == [None, 0], "the nearest that is listed"


def test_a_recording_of_its_own_stands_below_the_run_that_began_it(tmp_path: Path) -> None:
    outer = write_nested(tmp_path / "outer.arrow", [Inner("a", 1, 4)])
    with RunFile(tmp_path / "own.arrow", metadata(run_id="run-2", name="own")) as file:
        file.join(0.0, '{"parent_run_id": "a"}')
        file.end(2.0)
    runs = [*read_runs(file.path), *read_runs(outer)]
    assert named(runs) == [("command", 0), ("a", 1), ("own", 2)]


def test_files_that_contain_each_other_are_listed_all_the_same(tmp_path: Path) -> None:
    for name, parent in (("one", "two"), ("two", "one")):
        with RunFile(tmp_path / f"{name}.arrow", metadata(run_id=name, name=name)) as file:
            file.join(0.0, f'{{"parent_run_id": "{parent}"}}')
            file.end(2.0)
    assert sorted(name for name, _ in named(read_runs(tmp_path))) == ["one", "two"]


def test_a_copy_of_a_file_has_its_own_runs(tmp_path: Path) -> None:
    path = write_nested(tmp_path / "run.arrow", [Inner("a", 1, 4)])
    copy = tmp_path / "copy.arrow"
    copy.write_bytes(path.read_bytes())
    runs = [*read_runs(path), *read_runs(copy)]
    assert named(runs) == [("command", 0), ("a", 1)] * 2
