"""``effmeter import``: run files from the logs of other instruments."""

import importlib

import click

from effmeter.cli.group import CommandGroup

_FORMATS = {
    "csv": ("effmeter.cli.import_csv", "A table of times and power or energy."),
    "mlperf": ("effmeter.cli.import_mlperf", "MLPerf Training's power logs with their result."),
}
"""For each format: the module whose ``command`` reads it, and one line of help."""


class _Formats(CommandGroup):
    """Loads the module of a format when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The formats."""
        return list(_FORMATS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a format; None for another name."""
        if cmd_name not in _FORMATS:
            return None
        command = importlib.import_module(_FORMATS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the section that lists the formats."""
        with formatter.section("Formats"):
            formatter.write_dl([(name, text) for name, (_, text) in _FORMATS.items()])


@click.group("import", cls=_Formats, subcommand_metavar="FORMAT FILES...")
def command() -> None:
    """Turn the log of another instrument into run files.

    Reports, efficiencies and Python read such files like recorded ones. Each host of the log has a
    file of its own; the files of one log are those of one job.
    """
