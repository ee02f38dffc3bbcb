"""A file that cannot be reported is one line; the others are reported."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter
from effmeter.cli.file_errors import FileErrors
from effmeter.errors import RunFileError, UsageError
from tests.report.runs import write_plain

BUG = "a.arrow cannot be reported, by a bug of effmeter (ZeroDivisionError: division by zero)"


def fail(error: Exception) -> None:
    raise error


def test_a_bug_is_one_line_that_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    errors = FileErrors()
    with errors.of("a.arrow"):
        _ = 1 / 0
    assert errors.lines == [
        f"{BUG}: see it with --traceback, and report it as an issue of effmeter's repository"
    ]
    assert capfd.readouterr().err == ""


def test_the_traceback_of_a_bug_is_printed_on_request(capfd: pytest.CaptureFixture[str]) -> None:
    errors = FileErrors(has_traceback=True)
    with errors.of("a.arrow"):
        fail(KeyError("\x1b[2J"))
    printed = capfd.readouterr().err
    assert printed.startswith("Traceback")
    assert "in fail" in printed
    assert "\x1b" not in printed


def test_errors_of_a_file_are_its_line() -> None:
    errors = FileErrors()
    with errors.of("a.arrow"):
        fail(RunFileError("a.arrow is empty"))
    with errors.of("b\x1b.arrow"):
        fail(MemoryError())
    assert errors.lines == ["a.arrow is empty", "b\\x1b.arrow needs more memory than there is"]


def _divided(items: Sequence[int]) -> list[int]:
    if 13 in items:
        raise UsageError("13 is no option")
    return [10 // item for item in items]


def test_items_that_fail_alone_are_left_out_of_all_together() -> None:
    errors = FileErrors()
    assert errors.without_faulty([2, 0, 5], _divided, str) == [5, 2]
    assert [line.partition(" ")[0] for line in errors.lines] == ["0"]


def test_a_mistake_of_the_user_is_of_no_file() -> None:
    errors = FileErrors()
    with pytest.raises(UsageError):
        errors.without_faulty([2, 13], _divided, str)
    assert errors.lines == []


def test_a_fault_of_no_single_item_keeps_its_traceback() -> None:
    def result_of(items: Sequence[int]) -> float:
        return 1 / (2 - len(items))

    with pytest.raises(ZeroDivisionError):
        FileErrors().without_faulty([1, 2], result_of, str)


def report(*arguments: object) -> Result:
    return CliRunner().invoke(effmeter, ["report", *map(str, arguments)])


def test_files_that_cannot_be_read_do_not_keep_the_others_away(tmp_path: Path) -> None:
    good = write_plain(tmp_path / "good.arrow")
    broken = tmp_path / os.fsdecode(b"br\xe9ken.arrow")
    broken.write_bytes(b"not a run")
    missing, secret = tmp_path / "missing.arrow", tmp_path / "secret.arrow"
    secret.mkdir()
    result = report(good, broken, missing, secret)
    assert result.exit_code == 1
    assert "lenet-1" in result.stdout
    assert [line.removeprefix(f"effmeter: {tmp_path}/") for line in result.stderr.splitlines()] == [
        "br\\udce9ken.arrow is not a run: it does not begin as an Arrow file does",
        "missing.arrow does not exist",
        "secret.arrow is a directory that holds no run (*.arrow)",
    ]


def test_names_that_are_too_long_are_lines_too(tmp_path: Path) -> None:
    good = write_plain(tmp_path / f"{'a' * 245}.arrow")  # that of its successor is too long
    result = report(good, tmp_path / ("b" * 300))
    assert result.exit_code == 1
    assert "lenet-1" in result.stdout
    assert result.stderr.endswith("bbb cannot be opened: File name too long\n")
