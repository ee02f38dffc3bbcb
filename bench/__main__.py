"""``python -m bench [NAME ...]``: run the benchmarks and print one table."""

import datetime as dt
import json
import sys
from collections.abc import Sequence

import click

from bench import importing, mark, recorder, slowdown, track
from bench.figures import Result
from bench.surroundings import describe_host, simulated_machine
from bench.tables import as_json, console_for, heading_of, markdown, print_table

BENCHMARKS = {module.NAME: module for module in (importing, mark, track, recorder, slowdown)}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(BENCHMARKS)))
@click.option("--json", "as_", flag_value="json", help="Print every figure as JSON.")
@click.option("--markdown", "as_", flag_value="markdown", help="Print the table as Markdown.")
@click.option("--quick", is_flag=True, help="Well under a minute; the figures mean little.")
def main(names: Sequence[str], as_: str | None, quick: bool) -> None:
    """Measure what measuring costs, beside the least that could do.

    NAME is one of import, mark, track, recorder, slowdown; without any, all run. The sensors
    are simulated: no hardware and no rights are needed. The table goes to stdout, progress to
    stderr.
    """
    date = dt.datetime.now(dt.UTC).date().isoformat()
    results = [_measured(name, quick) for name in BENCHMARKS if not names or name in names]
    host = describe_host()
    heading = heading_of(host, date, quick)
    if as_ == "json":
        click.echo(json.dumps(as_json(results, host, date, quick), allow_nan=False))
    elif as_ == "markdown":
        click.echo(markdown(results, heading))
    else:
        print_table(results, heading, console_for(sys.stdout.isatty()))


def _measured(name: str, quick: bool) -> Result:
    """One benchmark on a simulated machine of its own."""

    def tell(text: str) -> None:
        click.echo(f"bench: {name}: {text}", err=True)

    with simulated_machine() as place:
        result: Result = BENCHMARKS[name].measure(place, quick, tell)
    return result


if __name__ == "__main__":
    main()
