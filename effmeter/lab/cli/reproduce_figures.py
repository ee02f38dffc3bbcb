"""Figures of a study beside its runs: their data as CSV and, with matplotlib, as pictures."""

from collections.abc import Sequence
from pathlib import Path

import click

from effmeter.lab.cli.sweep_progress import seen_from_here
from effmeter.lab.studies.figure_data import FigureData, write_figures
from effmeter.lab.studies.picture import MISSING, draw


def write(figures: Sequence[FigureData], folder: Path) -> list[Path]:
    """The files that were written; without matplotlib a line on stderr says how to get it."""
    if not figures:
        return []
    written = write_figures(figures, folder)
    try:
        return [*written, *draw(figures, folder)]
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        click.echo(MISSING, err=True)
        return written


def tell(written: Sequence[Path]) -> None:
    """Where the files are, on stderr."""
    for path in written:
        kind = "picture" if path.suffix == ".png" else "data"
        click.echo(f"figure's {kind}: {seen_from_here(path)}", err=True)
