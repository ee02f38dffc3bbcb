"""The command line: one module per command, each loaded when it is called."""

import importlib
import os
import sys
import warnings
from collections import ChainMap
from importlib.metadata import entry_points

import click

from effmeter import __version__
from effmeter.errors import EffmeterError, EffmeterWarning

_COMMANDS = {
    "daemon": ("effmeter.cli.daemon", "Run the shared recorder, look at it, stop it."),
    "doctor": ("effmeter.cli.doctor", "List what can be measured here and how to enable the rest."),
    "idle": ("effmeter.cli.idle", "Measure the power that this machine draws at rest."),
    "report": ("effmeter.cli.report", "Print what runs cost and what they learned."),
    "run": ("effmeter.cli.run", "Record a command in any language."),
}
"""For each command: the module that holds a function of its name, and one line of help."""
_FURTHER_COMMANDS = "effmeter.commands"
"""The group of entry points whose values are mappings of the same form."""


class _LazyCommands(click.Group):
    """Lists commands without loading their modules: help must not wait for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands in alphabetical order."""
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        commands = _commands()
        if cmd_name not in commands:
            return None
        command = getattr(importlib.import_module(commands[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the section that lists the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(_commands().items())])


def _commands() -> dict[str, tuple[str, str]]:
    """The instrument's own commands and those of installed packages that add some."""
    further = [found.load() for found in entry_points(group=_FURTHER_COMMANDS)]
    return dict(ChainMap(_COMMANDS, *further))


@click.group(cls=_LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="effmeter")
def effmeter() -> None:
    """Measure what training costs in energy, and relate it to what was learned.

    Results go to stdout, everything else to stderr. Exit status: 1 failure, 2 usage.
    """


def main() -> None:
    """Entry point: errors that a user can cause are one line, never a traceback."""
    warnings.showwarning = _show_on_one_line
    try:
        status = effmeter.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except EffmeterError as error:
        click.echo(f"effmeter: {error}", err=True)
        status = error.exit_status
    except (KeyboardInterrupt, click.Abort):
        click.echo("effmeter: interrupted", err=True)
        status = 130
    except BrokenPipeError:
        # Whoever read our output has had enough; the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _show_on_one_line(
    message: Warning | str, category: type[Warning], *_args: object, **_kwargs: object
) -> None:
    kind = "" if issubclass(category, EffmeterWarning) else f" ({category.__name__})"
    click.echo(f"effmeter: warning{kind}: {message}", err=True)
