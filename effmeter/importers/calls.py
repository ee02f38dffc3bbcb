"""``effmeter.import_csv`` and ``effmeter.import_mlperf``: importing logs from Python.

Their arguments are the options of ``effmeter import``, which documents them.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from effmeter.channel import Component
from effmeter.errors import UsageError
from effmeter.importers.csv import CsvOptions, csv_log
from effmeter.importers.csv_columns import ColumnChoice
from effmeter.importers.log import Log, StatedPower
from effmeter.importers.meters import MeterFacts
from effmeter.importers.mlperf import mlperf_log
from effmeter.importers.options import ImportOptions
from effmeter.importers.quantity import MOST_JOULES_OR_WATTS, unit_named
from effmeter.importers.run_files import paths_at, write_run
from effmeter.importers.timestamps import TIME_UNITS_NS, TimeReader, zone_named
from effmeter.runfile.format import Label

AnyPath = str | os.PathLike[str]
ENERGIES = {"cumulative": False, "interval": True}
"""Whether each energy is of the time since the row before, by the name of that."""


def import_csv(
    file: AnyPath,
    output: AnyPath,
    *,
    name: str | None = None,
    time_column: str | None = None,
    time_unit: str | None = None,
    timezone: str | None = None,
    begin: str | None = None,
    value_columns: Sequence[str] = (),
    unit: str | None = None,
    energy: str | None = None,
    decimal_comma: bool = False,
    host_column: str | None = None,
    host: str | None = None,
    meter_column: str | None = None,
    component: str = "wall",
    feeds: bool = False,
    epochs: AnyPath | None = None,
    labels: Mapping[str, Label] | None = None,
    metric_modes: Mapping[str, str] | None = None,
    accuracy_fraction: float | None = None,
    averaging_s: float | None = None,
    stated_power_w: Mapping[str, float] | None = None,
    job: str | None = None,
) -> list[Path]:
    """Turn a CSV table of times and power or energy into run files, as ``effmeter import csv``.

    Args:
        file: the table; its first line names the columns.
        output: the run file (``NAME.arrow``), or the folder for the files of several hosts.
        name: the run's; by default the file's.
        time_column: the column of the time; columns are otherwise found by their headings.
        time_unit: of times that are numbers: "s", "ms", "us" or "ns".
        timezone: of times that state none, such as "UTC" or "Europe/Dublin".
        begin: the moment that times count from, where that is not 1970.
        value_columns: the columns of power or energy; several are meters of their own.
        unit: of the values, such as "W" or "kWh".
        energy: whether energies count on ("cumulative") or are each of the time since the row
            before ("interval").
        decimal_comma: whether numbers have a decimal comma.
        host_column: the column that names the host.
        host: the host of all rows.
        meter_column: the column that names the meter.
        component: what the meters measure; "wall" is the whole machine.
        feeds: whether several wall meters of a host are feeds, which add up.
        epochs: a CSV table of epochs: begin, end, and metrics.
        labels: the run's.
        metric_modes: "min", "max" or "neither" by metric.
        accuracy_fraction: the stated gain error of the meters; None: unknown.
        averaging_s: how long a power reading averages over; None: since the one before it.
        stated_power_w: constant powers that are not measured, by a host of their own.
        job: what the logs of one job share that are imported one by one.

    Returns:
        The run files, one for each host.

    Raises:
        LogError: a line cannot be read; the text names it.
        UsageError: the log leaves open what an argument can say, or one has no meaning.
        RunFileError: a file is there already, or cannot be written.
    """
    _refuse_empty(name=name, host=host, job=job)
    _refuse_unknown("energy", energy, ENERGIES)
    _refuse_unknown("time_unit", time_unit, TIME_UNITS_NS)
    _refuse_unknown("component", component, [str(each) for each in Component])
    columns = tuple([value_columns] if isinstance(value_columns, str) else value_columns)
    known_unit = None if unit is None else unit_named(unit).text
    chosen = ColumnChoice(time_column, columns, host_column, meter_column, known_unit, time_unit)
    zone = None if timezone is None else zone_named(timezone)
    times = TimeReader(time_unit, zone, _moment_ns(begin))
    is_interval = None if energy is None else ENERGIES[energy]
    table = CsvOptions(chosen, times, is_interval, decimal_comma, host)
    facts = _facts(Component(component), accuracy_fraction, averaging_s)
    options = ImportOptions(
        facts, labels or {}, metric_modes or {}, feeds, _stated(stated_power_w), job
    )
    log = csv_log(Path(file), table, name, None if epochs is None else Path(epochs))
    return _written(log, options, output)


def import_mlperf(
    logs: AnyPath | Sequence[AnyPath],
    output: AnyPath,
    *,
    name: str | None = None,
    labels: Mapping[str, Label] | None = None,
    metric_modes: Mapping[str, str] | None = None,
    accuracy_fraction: float | None = None,
    averaging_s: float | None = None,
    stated_power_w: Mapping[str, float] | None = None,
    job: str | None = None,
) -> list[Path]:
    """Turn the power logs of one MLPerf run into run files, as ``effmeter import mlperf``.

    Args:
        logs: the folder with the logs of the nodes and of the result, or these files.
        output: the run file (``NAME.arrow``), or the folder for the files of several hosts.
        name: the run's; by default its benchmark and the folder's name.
        labels: the run's, beside those of the log.
        metric_modes: "min", "max" or "neither" by metric.
        accuracy_fraction: the stated gain error of the meters; None: unknown.
        averaging_s: how long a power reading averages over; None: since the one before it.
        stated_power_w: constant powers that are not measured, by a host of their own.
        job: what the logs of one job share that are imported one by one.

    Returns:
        The run files, one for each node.

    Raises:
        LogError: a line cannot be read; the text names it.
        UsageError: the files are those of several runs, or an argument has no meaning.
        RunFileError: a file is there already, or cannot be written.
    """
    _refuse_empty(name=name, job=job)
    paths = [logs] if isinstance(logs, str | os.PathLike) else list(logs)
    facts = _facts(Component.WALL, accuracy_fraction, averaging_s)
    stated = _stated(stated_power_w)
    options = ImportOptions(facts, labels or {}, metric_modes or {}, stated=stated, job=job)
    return _written(mlperf_log([Path(path) for path in paths], name), options, output)


def _written(log: Log, options: ImportOptions, output: AnyPath) -> list[Path]:
    return [file.path for file in write_run(log, options, paths_at(Path(output), log.name))]


def _moment_ns(text: str | None) -> int | None:
    try:
        return None if text is None else TimeReader().time_ns(text)
    except ValueError as error:
        example = "2024-05-09T12:22:00Z"
        raise UsageError(f"begin: {text!r} is no time with its offset, as {example}") from error


def _facts(
    component: Component, accuracy_fraction: float | None, averaging_s: float | None
) -> MeterFacts:
    if accuracy_fraction is not None and not 0 <= accuracy_fraction <= 1:
        raise UsageError(f"accuracy_fraction is from 0 to 1, not {accuracy_fraction}")
    if averaging_s is not None and not 0 <= averaging_s < math.inf:
        raise UsageError(f"averaging_s is 0 or more, not {averaging_s}")
    return MeterFacts(component, accuracy_fraction, averaging_s)


def _stated(powers_w: Mapping[str, float] | None) -> tuple[StatedPower, ...]:
    for host, power_w in (powers_w or {}).items():
        if not 0 < power_w <= MOST_JOULES_OR_WATTS:
            raise UsageError(f"the stated power of {host!r} is above 0 W, not {power_w}")
    return tuple(StatedPower(h, w, "stated by the user") for h, w in (powers_w or {}).items())


def _refuse_empty(**names: str | None) -> None:
    for argument, name in names.items():
        if name is not None and not name.strip():
            raise UsageError(f"{argument} is empty")


def _refuse_unknown(argument: str, value: str | None, known: Iterable[str]) -> None:
    if value is not None and value not in known:
        raise UsageError(f"{argument} is one of {', '.join(known)}, not {value!r}")
