"""The command line: one module per command, each loaded when it is called."""

import importlib
import os
import sys
import warnings

import click

from effmeter import __version__
from effmeter.errors import EffmeterError, EffmeterWarning

_COMMANDS = {
    "bench": "Train workloads over a grid of sizes, data sets and seeds, every run recorded.",
    "daemon": "Run the shared recorder, look at it, stop it.",
    "doctor": "List what can be measured here, and how to lift what stands in the way.",
    "flops": "Count the operations of a training iteration, with or without a method.",
    "idle": "Measure what this machine draws when nothing runs.",
    "report": "Print what runs cost and what they learned.",
    "reproduce": "Run a published study again and print its tables.",
    "run": "Record a command in any language.",
}


class _LazyCommands(click.Group):
    """Commands are listed without loading them: help must not wait for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, sorted."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the module of one command."""
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"effmeter.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


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
