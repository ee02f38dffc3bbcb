"""``effmeter import csv``: tables of times and power or energy."""

from datetime import tzinfo
from pathlib import Path

import click

from effmeter.channel import Component
from effmeter.cli.import_options import CommonOptions, common_options, named
from effmeter.cli.options import naming_option
from effmeter.importers.calls import ENERGIES
from effmeter.importers.csv import CsvOptions, csv_log
from effmeter.importers.csv_columns import ColumnChoice
from effmeter.importers.quantity import unit_named
from effmeter.importers.timestamps import TIME_UNITS_NS, TimeReader, zone_named

_COMPONENTS = [str(component) for component in Component]


def _zone(context: click.Context, option: click.Parameter, text: str | None) -> tzinfo | None:
    """The callback of --timezone."""
    with naming_option(context, option):
        return None if text is None else zone_named(text)


def _unit(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """The callback of --unit."""
    with naming_option(context, option):
        return None if text is None else unit_named(text).text


def _moment(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """The callback of --begin."""
    try:
        return None if text is None else TimeReader().time_ns(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no time with its offset, such as 2024-05-09T12:22:00Z.", context, option
        ) from error


@click.command("csv")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--time-column", metavar="NAME", help="The column of the time.")
@click.option(
    "--time-unit",
    type=click.Choice(list(TIME_UNITS_NS)),
    help="The unit of times that are numbers.  [default: by their size]",
)
@click.option(
    "--timezone",
    "zone",
    metavar="ZONE",
    callback=_zone,
    help="The time zone of times that state none: UTC, +02:00, Europe/Dublin.",
)
@click.option(
    "--begin",
    "begin_ns",
    metavar="TIME",
    callback=_moment,
    help="The moment that times count from, where that is not 1970.",
)
@click.option(
    "--value-column",
    "value_columns",
    multiple=True,
    metavar="NAME",
    help="A column of power or energy. Repeated: each is a meter of its own.",
)
@click.option(
    "--unit",
    metavar="UNIT",
    callback=_unit,
    help="The unit of the values: W, kW, J, kJ, Wh, kWh.  [default: by heading or value]",
)
@click.option(
    "--energy",
    type=click.Choice(list(ENERGIES)),
    help="Whether energies count on, or are each of the time since the row before.  "
    "[default: by the values]",
)
@click.option("--decimal-comma", is_flag=True, help="Numbers have a decimal comma.")
@click.option("--host-column", metavar="NAME", help="The column that names the host.")
@click.option(
    "--host",
    metavar="NAME",
    callback=named,
    help="The host of all rows.  [default: by column or file name]",
)
@click.option("--meter-column", metavar="NAME", help="The column that names the meter.")
@click.option(
    "--component",
    type=click.Choice(_COMPONENTS),
    default=str(Component.WALL),
    show_default=True,
    help="What the meters measure; wall is the whole machine.",
)
@click.option(
    "--feeds", "has_feeds", is_flag=True, help="Several wall meters of a host are feeds: add them."
)
@click.option(
    "--epochs",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="A CSV table of epochs: begin, end, and metrics.",
)
@common_options
def command(
    file: Path,
    time_column: str | None,
    time_unit: str | None,
    zone: tzinfo | None,
    begin_ns: int | None,
    value_columns: tuple[str, ...],
    unit: str | None,
    energy: str | None,
    decimal_comma: bool,
    host_column: str | None,
    host: str | None,
    meter_column: str | None,
    component: str,
    has_feeds: bool,
    epochs: Path | None,
    common: CommonOptions,
) -> None:
    """Import a CSV table of times and power or energy.

    The first line of FILE names the columns. Time, power or energy, host and meter are found by
    their headings (time, timestamp, power [W], watts, energy_kwh, host, outlet, ...) unless options
    name them. Times are ISO 8601 or numbers since 1970. What the table leaves open, such as a time
    zone or a unit, is an error that names the option that says it.

    --epochs gives the run its epochs and metrics: each row has the end of an epoch (end), and its
    beginning where that is not the end of the one before (begin); other columns are metrics.
    """
    chosen = ColumnChoice(time_column, value_columns, host_column, meter_column, unit, time_unit)
    is_interval = None if energy is None else ENERGIES[energy]
    times = TimeReader(time_unit, zone, begin_ns)
    table = CsvOptions(chosen, times, is_interval, decimal_comma, host)
    log = csv_log(file, table, common.name, epochs)
    common.import_logs([log], Component(component), has_feeds=has_feeds)
