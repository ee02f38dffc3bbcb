"""``effmeter reproduce``: published studies, run again at a chosen scale."""

import click

from effmeter.cli.group import CommandGroup
from effmeter.lab.cli.reproduce_methods import S2, S3, S4, command_of
from effmeter.lab.cli.reproduce_s1 import s1
from effmeter.lab.cli.reproduce_s2_table1 import s2_table1


@click.group("reproduce", cls=CommandGroup)
def command() -> None:
    """Run a published study again and print its tables, own figures beside the published.

    Runs are recorded; the same command again goes on where an interrupted one ended.
    """


command.add_command(s1)
command.add_command(command_of(S2))
command.add_command(s2_table1)
command.add_command(command_of(S3))
command.add_command(command_of(S4))
