"""``python -m benchmarks [NAME ...]``: run the benchmarks and print one table."""

import datetime as dt
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TextIO

import click

from benchmarks import importing, kernels, mark, methods, pruning, recorder, slowdown, track
from benchmarks.figures import Result
from benchmarks.surroundings import describe_host, simulated_machine
from benchmarks.tables import as_json, console_for, heading_of, markdown, print_table

BENCHMARKS = {
    module.NAME: module
    for module in (importing, mark, track, recorder, slowdown, methods, pruning, kernels)
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(BENCHMARKS)))
@click.option("--json", "as_", flag_value="json", help="Print every figure as JSON.")
@click.option("--markdown", "as_", flag_value="markdown", help="Print the table as Markdown.")
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write it into this file instead of printing it.",
)
@click.option("--quick", is_flag=True, help="Well under a minute; the figures mean little.")
def main(names: Sequence[str], as_: str | None, out: Path | None, quick: bool) -> None:
    """Measure what measuring costs, beside the least that could do, and what methods save.

    NAME is one of import, mark, track, recorder, slowdown, methods, pruning, kernels; without any,
    all run. Sensors are simulated: no hardware and no rights are needed. The table goes to stdout,
    progress to stderr.
    """
    date = dt.datetime.now(dt.UTC).date().isoformat()
    results = [_measured(name, quick) for name in BENCHMARKS if not names or name in names]
    host = describe_host()
    heading = heading_of(host, date, quick)
    with _stdout(out) as file:
        if as_ == "json":
            click.echo(json.dumps(as_json(results, host, date, quick), allow_nan=False), file)
        elif as_ == "markdown":
            click.echo(markdown(results, heading), file)
        else:
            print_table(results, heading, console_for(file.isatty(), file))


def _stdout(out: Path | None) -> AbstractContextManager[TextIO]:
    """The file to write to, in a folder that is made for it."""
    if out is None:
        return nullcontext(sys.stdout)
    out.parent.mkdir(parents=True, exist_ok=True)
    return out.open("w")


def _measured(name: str, quick: bool) -> Result:
    """One benchmark on a simulated machine of its own."""

    def tell(text: str) -> None:
        click.echo(f"benchmarks: {name}: {text}", err=True)

    with simulated_machine() as place:
        result: Result = BENCHMARKS[name].measure(place, quick, tell)
    return result


if __name__ == "__main__":
    main()
