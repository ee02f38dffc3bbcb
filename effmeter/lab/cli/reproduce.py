"""``effmeter reproduce``: published studies, run again at a chosen scale."""

import click

from effmeter.lab.cli.reproduce_methods import S2, S3, S4, command_of
from effmeter.lab.cli.reproduce_s1 import s1
from effmeter.lab.cli.reproduce_s2_table1 import s2_table1


@click.group()
def reproduce() -> None:
    """Run a published study again and print its tables, own figures beside the published.

    Runs are recorded; the same command again goes on where an interrupted one ended.
    """


reproduce.add_command(s1)
reproduce.add_command(command_of(S2))
reproduce.add_command(s2_table1)
reproduce.add_command(command_of(S3))
reproduce.add_command(command_of(S4))
