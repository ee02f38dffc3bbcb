"""What every command shares: how it is found, and how a mistake is reported."""

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from effmeter.cli import effmeter, main
from effmeter.errors import EffmeterWarning
from tests.report.runs import write_plain


def called(*arguments: str) -> Result:
    return CliRunner().invoke(effmeter, arguments)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["reprot"],
            "effmeter: No such command 'reprot'. Did you mean 'report'? See effmeter --help.",
        ),
        (["xyzzy"], "effmeter: No such command 'xyzzy'. See effmeter --help."),
        (
            ["daemon", "statsu"],
            "effmeter daemon: No such command 'statsu'. Did you mean 'status'?"
            " See effmeter daemon --help.",
        ),
    ],
)
def test_an_unknown_command_suggests_the_nearest(arguments: list[str], line: str) -> None:
    result = called(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{line}\n")


def test_a_mistake_is_a_sentence_before_the_help_is_named() -> None:
    line = called("doctor", "extra").stderr
    assert line == (
        "effmeter doctor: Got unexpected extra argument (extra). See effmeter doctor --help.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["idle", "--seconds", "nan"],
        ["idle", "--seconds", "inf"],
        ["doctor", "--capture", "capture.json", "--seconds", "nan"],
        ["calibrate", "cpu0", "--reference", "cpu1", "--seconds", "inf"],
        ["calibrate", "cpu0", "--reference", "cpu1", "--reference-error", "nan"],
        ["calibrate", "cpu0", "--reference", "cpu1", "--max-shift", "nan"],
        ["daemon", "run", "--others-rate", "nan"],
        ["run", "--rate", "nan", "--", "true"],
        ["sweep", "lenet", "--validation", "nan"],
    ],
)
def test_a_number_that_is_not_finite_is_a_usage_mistake(arguments: list[str]) -> None:
    result = called(*arguments)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert f"{arguments[-1] if arguments[0] != 'run' else 'nan'} is not a finite" in result.stderr


def test_an_option_of_no_command_is_one_line() -> None:
    result = called("--verison")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)


def test_an_unknown_option_suggests_the_nearest() -> None:
    result = called("report", "--detials")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "--details" in result.stderr


def test_a_mistake_is_printed_without_what_a_terminal_would_obey(tmp_path: Path) -> None:
    file = tmp_path / "\x1b]0;title\x07.arrow"
    file.write_bytes(b"not a run")
    for arguments in (["report", str(file)], ["--\x1b[2J"], ["\x1b[2J"]):
        result = called(*arguments)
        assert result.exit_code != 0
        assert len(result.stderr.splitlines()) == 1
        assert "\x1b" not in result.output
    assert f"{tmp_path}/\\x1b]0;title\\x07.arrow is not a run" in called("report", str(file)).stderr


def test_a_character_that_the_terminal_lacks_is_printed_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_plain(tmp_path / "run.arrow", "模型 lenet")
    monkeypatch.setattr(sys, "argv", ["effmeter", "report", str(path)])
    written = io.BytesIO()
    stdout = io.TextIOWrapper(written, encoding="latin-1", write_through=True)
    with contextlib.redirect_stdout(stdout), warnings.catch_warnings(), pytest.raises(SystemExit):
        main()
    assert written.getvalue().decode("latin-1").startswith("\\u6a21\\u578b lenet")


@pytest.mark.parametrize("group", [[], ["daemon"]])
def test_a_group_without_a_command_prints_its_help(group: list[str]) -> None:
    result = called(*group)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Commands:" in result.stderr


def test_help_lists_the_commands_of_the_instrument_and_the_laboratory() -> None:
    listed = called("--help").stdout
    for name in ("daemon", "doctor", "idle", "report", "run", "sweep"):
        assert f"\n  {name} " in listed
    assert called("--help").exit_code == 0


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package that names the commands of ``a_plugin.COMMANDS``: the module's file."""
    described = tmp_path / "a_plugin-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: a-plugin\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[effmeter.commands]\nall = a_plugin:COMMANDS\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "a_plugin.py"
    sys.modules.pop("a_plugin", None)


def test_a_plugin_adds_commands(plugin: Path) -> None:
    plugin.write_text(
        "import click\n"
        "COMMANDS = {'greet': ('a_plugin', 'Say hello.')}\n"
        "command = click.Command('greet', callback=lambda: click.echo('hello'))\n"
    )
    assert "greet  " in called("--help").stdout
    assert called("greet").stdout == "hello\n"


def test_a_plugin_does_not_replace_a_command_of_the_instrument(plugin: Path) -> None:
    plugin.write_text("COMMANDS = {'report': ('a_plugin', 'Something else.')}")
    assert "Something else" not in called("--help").stdout
    assert called("report", "--help").exit_code == 0


@pytest.mark.parametrize(
    "source",
    ["", "import no_such_module", "1 / 0", "COMMANDS = ['greet']", "COMMANDS = {'greet': 3}"],
)
def test_a_broken_plugin_costs_one_warning(plugin: Path, source: str) -> None:
    plugin.write_text(source)
    with pytest.warns(EffmeterWarning, match=r"commands of a-plugin cannot be loaded: .* upgrade"):
        assert called("--help").exit_code == 0


def test_a_broken_plugin_does_not_touch_the_instruments_commands(plugin: Path) -> None:
    plugin.write_text("1 / 0")
    assert called("report", "--help").exit_code == 0, "and without a warning, which is an error"


def test_a_command_whose_module_is_missing_is_one_line(plugin: Path) -> None:
    plugin.write_text("COMMANDS = {'greet': ('no_such_module', 'Say hello.')}")
    result = called("greet")
    assert result.exit_code == 1
    assert result.stderr == "effmeter: greet cannot be loaded: No module named 'no_such_module'\n"
