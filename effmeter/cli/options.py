"""The options that several commands share, and where their results go."""

from pathlib import Path
from typing import Any

import click

from effmeter.errors import EffmeterError

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
output_option = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead of stdout.",
)


class LabelType(click.ParamType):
    """A label as ``NAME=VALUE``, converted to a pair of texts."""

    name = "label"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split at the first equals sign; both sides must hold something."""
        if isinstance(value, tuple):
            return value
        name, _, text = (part.strip() for part in str(value).partition("="))
        if not (name and text):
            self.fail(f"{value!r} is not NAME=VALUE, such as dataset=mnist.", param, ctx)
        return name, text


def emit(text: str, output: Path | None) -> None:
    """Write a command's result to stdout, or to a file that may exist already.

    Raises EffmeterError where the file cannot be written.
    """
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise EffmeterError(f"{output} cannot be written: {error.strerror}") from error
