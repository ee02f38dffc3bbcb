"""Several runs as a list: what is said beneath it."""

from pathlib import Path
from typing import Any

from click.testing import CliRunner

from effmeter.channel import Provenance
from effmeter.cli import effmeter
from tests.recorded.nested_runs import Inner, write_nested
from tests.runfile.writing import RunFile, counter, every, metadata

SHARED = {"recorder": "shared", "recorder_process": {"user": "root"}}


def lines(*arguments: object) -> list[str]:
    result = CliRunner().invoke(effmeter, ["report", *map(str, arguments)])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def recorded(path: Path, channel: str, **described: Any) -> None:
    facts = {"channels": (counter(channel),), "name": path.stem, "run_id": path.stem}
    with RunFile(path, metadata(**{**facts, **described})) as file:
        file.count(channel, every(0.1, 0, 10), 10.0)
        file.end(10.0)


def test_runs_that_cannot_be_added_have_no_total_and_a_line_says_why(tmp_path: Path) -> None:
    recorded(tmp_path / "a.arrow", "cpu0")
    estimate = counter("cpu-estimate", provenance=Provenance.ESTIMATED, estimate_factor=2.0)
    recorded(tmp_path / "b.arrow", "cpu-estimate", channels=(estimate,))
    *_, total, why = lines(tmp_path)
    assert total.split() == ["total", "unknown"]
    assert why == (
        "  no total: a (a.arrow) and b (b.arrow) overlapped and count different sensors of the "
        "same cpu"
    )


def test_runs_that_shared_a_machine_are_named_below_the_total(tmp_path: Path) -> None:
    path = write_nested(tmp_path / "own.arrow", [Inner("a", 1, 6), Inner("b", 4, 8)])
    *_, total, shared, nested = lines(path)
    assert total.split()[:3] == ["total", "200.00", "J"]
    assert shared.startswith("  a, b shared the time of a machine")
    assert nested.startswith("  the energy of a run includes that of the runs inside it")


def test_the_recorder_has_a_column_where_runs_differ_in_it(tmp_path: Path) -> None:
    recorded(tmp_path / "a.arrow", "cpu0", sampling={"recorder": "private"})
    recorded(tmp_path / "b.arrow", "cpu0", sampling={"recorder": "private"})
    assert "recorder" not in lines(tmp_path)[0]
    recorded(tmp_path / "b.arrow", "cpu0", sampling=SHARED)
    heading, first, second, *_ = lines(tmp_path)
    assert "recorder" in heading
    assert first.rstrip().endswith("private")
    assert second.rstrip().endswith("shared, of root")
