"""Tables of a paper on stdout, for people."""

import os
import sys
from collections.abc import Iterable

import click
from rich.console import Console
from rich.text import Text

from effmeter.lab.studies.paper_table import PaperTable
from effmeter.report.tables import plain_table

_PIPED_WIDTH = 180


def print_tables(tables: Iterable[PaperTable], notes: Iterable[str]) -> None:
    """Each table below its title, its notes below it; what is true of all of them at the end."""
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    console = Console(width=wide, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        for table in tables:
            _print(table, console)
        for note in notes:
            console.print(Text(f"! {note}", style="yellow"), soft_wrap=True)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _print(table: PaperTable, console: Console) -> None:
    console.print(Text(f"{table.name}: {table.title}", style="bold"))
    if table.rows:
        console.print(plain_table(table.headings, table.rows, table.numeric))
    for note in table.notes:
        console.print(Text(f"  {note}", style="dim"), soft_wrap=True)
    console.print()
