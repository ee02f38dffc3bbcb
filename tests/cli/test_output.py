"""Commands print through one module, which makes every text safe."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import effmeter
from effmeter.cli.output import emit, end_progress, say, show, show_progress
from effmeter.errors import EffmeterError

HOSTILE = "\x1b]0;title\x07\u202e\udcff\nline"
SHOWN = "\\x1b]0;title\\x07\\u202e\\udcff\\nline"


def test_diagnostics_and_paths_are_one_safe_line(capfd: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    say(HOSTILE, None)
    show(HOSTILE)
    out, err = capfd.readouterr()
    assert (out, err) == (f"{SHOWN}\n", f"effmeter: {SHOWN}\n{SHOWN}\n")


def test_progress_is_for_terminals(capfd: pytest.CaptureFixture[str]) -> None:
    show_progress("5 of 10 s")
    end_progress()
    assert capfd.readouterr() == ("", "")


def test_a_result_goes_to_a_file_or_says_why_not(tmp_path: Path) -> None:
    emit("result", tmp_path / "result")
    assert (tmp_path / "result").read_text() == "result\n"
    with pytest.raises(EffmeterError, match="cannot be written"):
        emit("result", tmp_path / "none" / "result")


def test_nothing_else_of_a_command_prints() -> None:
    package = Path(effmeter.__file__).parent
    printing = {
        str(path.relative_to(package))
        for folder in ("cli", "lab/cli")
        for path in (package / folder).glob("*.py")
        if any(name in ("echo", "secho", "print") for name in _called(path))
    }
    assert printing == {"cli/output.py"} | {"lab/cli/sweep_progress.py"}  # the latter by rich


def _called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else ""
            yield function.id if isinstance(function, ast.Name) else ""
