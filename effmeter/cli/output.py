"""Where commands print: every text that is not a renderer's is made safe here.

Nothing else in a command line writes to stdout or stderr.
"""

import sys
from pathlib import Path

import click

from effmeter.errors import EffmeterError
from effmeter.escaping import printable


def emit(text: str, output: Path | None = None, *, err: bool = False) -> None:
    """Print the lines of a renderer, a page or JSON, or write them to a file.

    They are safe already: what made them escaped the texts in them.
    Raises EffmeterError where the file cannot be written.
    """
    if output is None:
        click.echo(text, err=err)
        return
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise EffmeterError(f"{output} cannot be written: {error.strerror}") from error


def say(text: str, program: str | None = "effmeter") -> None:
    """Print one line on stderr, behind the name of the program."""
    click.echo(printable(text if program is None else f"{program}: {text}"), err=True)


def show(text: str) -> None:
    """Print one line on stdout."""
    click.echo(printable(text))


def show_progress(text: str) -> None:
    """Show a line on stderr in place of the one before it, where that is a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\reffmeter: {printable(text)}", err=True, nl=False)


def end_progress() -> None:
    """Clear the line that ``show_progress`` left."""
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
