"""The options that several commands share, and where their results go."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from effmeter.errors import UsageError

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
output_option = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file instead of stdout.",
)


class FiniteRange(click.FloatRange):
    """A finite number within bounds; click's range takes NaN, which is beyond no bound."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; fails where it is not one."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", param, ctx)
        return number


@contextmanager
def naming_option(context: click.Context, parameter: click.Parameter) -> Iterator[None]:
    """Turns a UsageError about the value of an option into click's, which names the option."""
    try:
        yield
    except UsageError as error:
        raise click.BadParameter(f"{error}.", context, parameter) from error


def label_option(text: str) -> Callable[[Any], Any]:
    """The option ``--label NAME=VALUE``; its value is a mapping of texts, ``labels``."""
    return click.option(
        "--label", "labels", multiple=True, metavar="NAME=VALUE", callback=_parsed, help=text
    )


def _parsed(_ctx: click.Context, _option: click.Parameter, texts: Sequence[str]) -> dict[str, str]:
    labels = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        if not (name and value):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as dataset=mnist.")
        labels[name] = value
    return labels
