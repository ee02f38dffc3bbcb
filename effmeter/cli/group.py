"""Command groups that suggest the nearest name and report a user's mistake in one line."""

import difflib
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from effmeter.cli.output import emit, say
from effmeter.errors import EffmeterError

USAGE_STATUS = 2


class CommandGroup(click.Group):
    """A group of commands whose errors are one line each, never a traceback.

    Without a command it prints its help and exits with the status of a usage mistake.
    """

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; in standalone mode, exit with the status of its outcome."""
        stays: bool = False  # click's types tell apart the calls that never return
        try:
            status = super().main(args, prog_name, complete_var, stays, **extra)
        except (click.ClickException, EffmeterError) as error:
            if not standalone_mode:
                raise
            status = _report(error)
        if standalone_mode:
            sys.exit(status if isinstance(status, int) else 0)
        return status

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the group's own options; without any argument, print the help."""
        if not args and not ctx.resilient_parsing:
            emit(ctx.get_help(), err=True)
            ctx.exit(USAGE_STATUS)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names; UsageError names the nearest."""
        name = args[0]
        is_known = name.startswith("-") or self.get_command(ctx, name) is not None
        if not is_known and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}.{_suggestion(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


def _suggestion(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def _report(error: click.ClickException | EffmeterError) -> int:
    """Print the error in one line on stderr; the exit status that it stands for."""
    if isinstance(error, EffmeterError):
        say(str(error))
        return error.exit_status
    message = " ".join(error.format_message().split())
    message += "" if message.endswith((".", "?", "!")) else "."
    if isinstance(error, click.UsageError) and error.ctx is not None:
        path = error.ctx.command_path
        say(f"{message} See {path} --help.", path)
    else:
        say(message)
    return error.exit_code
