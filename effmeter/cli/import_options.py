"""The options that every format of ``effmeter import`` has, and how its result is printed."""

import functools
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from effmeter.channel import Component, Kind
from effmeter.cli.options import FiniteRange, json_option, label_option
from effmeter.cli.output import emit, end_progress, show, show_progress
from effmeter.client.files import path_for
from effmeter.errors import UsageError
from effmeter.importers.log import Log, StatedPower
from effmeter.importers.meters import MeterFacts
from effmeter.importers.options import ImportOptions
from effmeter.importers.quantity import MOST_JOULES_OR_WATTS, split_number, unit_named
from effmeter.importers.run_files import ImportedFile, PathOf, paths_at, write_run
from effmeter.report.formatting import json_text
from effmeter.runfile.format import RUN_SUFFIX, MetricMode

Decorated = Callable[..., Any]
_MOST_S = 86400.0


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """The values of the options that every format has."""

    name: str | None
    labels: Mapping[str, str]
    metric_modes: Mapping[str, str]
    accuracy: float | None
    window_s: float | None
    stated: Sequence[StatedPower]
    job: str | None
    as_json: bool
    output: Path | None

    def import_logs(
        self,
        logs: Sequence[Log],
        component: Component = Component.WALL,
        *,
        has_feeds: bool = False,
    ) -> None:
        """Write the run files of each log, and print their paths.

        Raises UsageError where ``--output`` names one file and there are several.
        """
        output = self.output
        if len(logs) > 1 and output is not None and output.suffix == RUN_SUFFIX:
            raise UsageError(f"{output} is one file, and there are {len(logs)} runs: name a folder")
        facts = MeterFacts(component, self.accuracy, self.window_s)
        stated = tuple(self.stated)
        options = ImportOptions(facts, self.labels, self.metric_modes, has_feeds, stated, self.job)
        written: list[ImportedFile] = []
        for log in logs:
            written += write_run(log, options, _paths(log.name, output), _progress())
            end_progress()
        if self.as_json:
            emit(json_text({"files": [_as_mapping(file) for file in written]}))
            return
        for file in written:
            show(str(file.path))


def common_options(command: Decorated) -> Decorated:
    """Add the options that every format has; the command receives their values as ``common``."""

    @functools.wraps(command)
    def with_common(**arguments: Any) -> Any:
        common = {field.name: arguments.pop(field.name) for field in fields(CommonOptions)}
        return command(common=CommonOptions(**common), **arguments)

    decorated: Decorated = with_common
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def named(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """The callback of an option that takes a name."""
    if text is not None and not text.strip():
        raise click.BadParameter("it is empty.", context, option)
    return text


def _fraction(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """The callback of --accuracy: ``1%`` or ``0.01``."""
    if text is None:
        return None
    number, is_percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        fraction = float(number) / (100 if is_percent else 1)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction <= 1:
        raise click.BadParameter(f"{text!r} is no accuracy, such as 1% or 0.01.", context, option)
    return fraction


def _modes(context: click.Context, option: click.Parameter, texts: Sequence[str]) -> dict[str, str]:
    """The callback of --metric-mode: ``NAME=MODE``."""
    modes: dict[str, str] = {}
    allowed = [mode for mode in MetricMode if mode is not MetricMode.UNKNOWN]
    for text in texts:
        name, _, mode = (part.strip() for part in text.rpartition("="))
        if not name or mode not in allowed:
            shown = ", ".join(f"NAME={each}" for each in allowed)
            raise click.BadParameter(f"{text!r} is none of {shown}.", context, option)
        modes[name] = mode
    return modes


def _stated(
    _context: click.Context, _option: click.Parameter, texts: Sequence[str]
) -> list[StatedPower]:
    """The callback of --stated-power: ``HOST=16.1kW``."""
    found: dict[str, StatedPower] = {}
    for text in texts:
        host, _, power = (part.strip() for part in text.rpartition("="))
        try:
            number, _, unit = split_number(power)
            known = unit_named(unit)
            power_w = number * known.factor
            is_power = known.kind is Kind.GAUGE and 0 < power_w <= MOST_JOULES_OR_WATTS
            if not host or not is_power:
                raise ValueError
        except (ValueError, UsageError) as error:
            example = "switches=16.1kW"
            raise click.BadParameter(f"{text!r} is no HOST=POWER, such as {example}.") from error
        if host in found:
            raise click.BadParameter(f"{host!r} has two powers: state one, such as their sum.")
        found[host] = StatedPower(host, power_w, "stated by the user")
    return list(found.values())


_OPTIONS = (
    click.option("--name", metavar="NAME", callback=named, help="The name of the run."),
    click.option(
        "--job",
        metavar="ID",
        callback=named,
        help="A name for the job. Logs of its hosts that are imported by several commands with "
        "one ID are one run in reports.",
    ),
    label_option("A label of the run, as architecture=bert. Repeatable."),
    click.option(
        "--metric-mode",
        "metric_modes",
        multiple=True,
        metavar="NAME=MODE",
        callback=_modes,
        help="Whether less (min) or more (max) of a metric is better, in place of its name; "
        "neither: it judges nothing. Kept in the file. Repeatable.",
    ),
    click.option(
        "--accuracy",
        metavar="PERCENT",
        callback=_fraction,
        help="The stated gain error of the meters, as 1%.  [default: unknown, and reports say so]",
    ),
    click.option(
        "--averaging",
        "window_s",
        type=FiniteRange(0, _MOST_S),
        metavar="SECONDS",
        help="How long a power reading averages over; 0: it shows a moment.  "
        "[default: since the reading before it]",
    ),
    click.option(
        "--stated-power",
        "stated",
        multiple=True,
        metavar="HOST=POWER",
        callback=_stated,
        help="A constant power that belongs to the run and is not measured, as switches=16.1kW: "
        "an estimate. Repeatable.",
    ),
    json_option,
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help=f"The run file (NAME{RUN_SUFFIX}), or the folder for the files of several hosts.  "
        "[default: the folder of runs]",
    ),
)


def _paths(name: str, output: Path | None) -> PathOf:
    """The path of each host's file; by default in the folder of runs."""
    if output is not None:
        return paths_at(output, name)

    def path_of(host: str | None) -> Path:
        called = name if host is None else f"{name}-{host}"
        return path_for(re.sub(r"[/\\]+", "-", called), None, os.environ)

    return path_of


def _as_mapping(file: ImportedFile) -> Mapping[str, Any]:
    return {
        "file": str(file.path),
        "host": file.host,
        "channels": list(file.meters),
        "readings": file.readings,
    }


def _progress() -> Callable[[int], None] | None:
    """A line on a terminal that counts readings."""
    if not sys.stderr.isatty():
        return None
    return lambda count: show_progress(f"{count:,} readings")
