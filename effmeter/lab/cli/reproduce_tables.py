"""Tables of a paper on stdout, for people."""

from collections.abc import Iterable

import click

from effmeter.lab.studies.paper_table import PaperTable
from effmeter.report.page import Page


def print_tables(tables: Iterable[PaperTable], notes: Iterable[str]) -> None:
    """Each table below its title, its notes below it; what is true of all of them at the end."""
    page = Page.for_stream()
    for table in tables:
        _print(table, page)
    for note in notes:
        page.warning(note)
    click.echo(str(page))


def _print(table: PaperTable, page: Page) -> None:
    page.title(f"{table.name}: {table.title}")
    if table.rows:
        page.table(table.headings, table.rows, table.numeric)
    for note in table.notes:
        page.note(note)
    page.blank()
