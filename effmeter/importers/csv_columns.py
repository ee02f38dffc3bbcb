"""Which columns of a CSV table are the time, the power or energy, the host and the meter."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from effmeter.errors import UsageError
from effmeter.importers.quantity import Unit, is_unit, unit_named
from effmeter.importers.timestamps import TIME_UNITS_NS

TIMES = frozenset(
    [
        "time",
        "timestamp",
        "datetime",
        "date_time",
        "date",
        "ts",
        "t",
        "epoch",
        "unix_time",
        "unixtime",
    ]
)
VALUES = frozenset(
    [
        "power",
        "watt",
        "watts",
        "w",
        "power_draw",
        "active_power",
        "apower",
        "load",
        "energy",
        "joule",
        "joules",
        "j",
        "consumption",
        "total_energy",
        "active_energy",
    ]
)
HOSTS = frozenset(["host", "hostname", "node", "machine", "server"])
METERS = frozenset(
    ["channel", "meter", "device", "outlet", "sensor", "index", "gpu", "feed", "phase"]
)
_UNIT = re.compile(r"(.*?)[\s_.]*(?:[\[(]\s*(\S+?)\s*[\])]|[_\s.]([A-Za-zµ]{1,3}))", re.ASCII)
_SUMMED_UP = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One column, by its place and its heading."""

    place: int
    heading: str
    plain: str
    """The heading in lower case, without a unit: ``power_draw`` of ``power.draw [W]``."""
    unit: str
    """The unit that the heading states; empty: none."""


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """The headings that the user names; what is None is found by its heading."""

    time: str | None = None
    values: tuple[str, ...] = ()
    host: str | None = None
    meter: str | None = None
    unit: str | None = None
    time_unit: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that are read."""

    time: Column
    values: tuple[Column, ...]
    """Several: each is a meter of its own, named by its heading."""
    host: Column | None
    meter: Column | None
    unit: Unit | None
    """None: each value states it."""
    time_unit: str | None


def columns_of(source: str, headings: Sequence[str], choice: ColumnChoice) -> Columns:
    """The columns of a table with these headings; UsageError names the option that decides."""
    found = [_column(place, heading) for place, heading in enumerate(headings)]
    time = _one(source, found, choice.time, TIMES, "time", "--time-column")
    if choice.values:
        values = tuple(_named(source, found, name) for name in choice.values)
    else:
        values = (_one(source, found, None, VALUES, "power or energy", "--value-column"),)
    host = _optional(source, found, choice.host, HOSTS, "host", "--host-column")
    meter = _optional(source, found, choice.meter, METERS, "meter", "--meter-column")
    if meter is not None and len(values) > 1:
        raise UsageError(
            f"{source}: several value columns are meters of their own, beside the column "
            f"{meter.heading!r} that names meters: name one value column"
        )
    time_unit = choice.time_unit or (time.unit if time.unit in TIME_UNITS_NS else None)
    return Columns(time, values, host, meter, _unit(source, values, choice), time_unit)


def _column(place: int, heading: str) -> Column:
    text = heading.strip()
    plain, unit = text, ""
    split = _UNIT.fullmatch(text)
    if split is not None:
        name, bracketed, appended = split.groups()
        if bracketed is not None or is_unit(appended) or appended in TIME_UNITS_NS:
            plain, unit = name, bracketed or appended
    return Column(place, text, _SUMMED_UP.sub("_", plain.lower()).strip("_"), unit)


def _one(
    source: str,
    found: Sequence[Column],
    name: str | None,
    known: Collection[str],
    what: str,
    option: str,
) -> Column:
    chosen = _optional(source, found, name, known, what, option)
    if chosen is None:
        headings = ", ".join(column.heading for column in found[:20]) or "nothing"
        raise UsageError(
            f"{source}: no heading names the {what} (its first line: {headings}): name it with "
            f"{option}"
        )
    return chosen


def _optional(
    source: str,
    found: Sequence[Column],
    name: str | None,
    known: Collection[str],
    what: str,
    option: str,
) -> Column | None:
    if name is not None:
        return _named(source, found, name)
    matching = [column for column in found if column.plain in known]
    if len(matching) > 1:
        names = ", ".join(column.heading for column in matching)
        raise UsageError(f"{source}: {names} may each be the {what}: name one with {option}")
    return matching[0] if matching else None


def _named(source: str, found: Sequence[Column], name: str) -> Column:
    chosen = next((column for column in found if column.heading == name.strip()), None)
    if chosen is None:
        headings = ", ".join(column.heading for column in found[:20])
        raise UsageError(f"{source}: no column is called {name!r}; there are: {headings}")
    return chosen


def _unit(source: str, values: Sequence[Column], choice: ColumnChoice) -> Unit | None:
    """The one unit of all value columns, as stated, or as their headings say."""
    if choice.unit is not None:
        return unit_named(choice.unit)
    units = {unit.text: unit for unit in map(unit_named, _stated_units(values))}
    if len(units) > 1:
        raise UsageError(f"{source}: the value columns have several units: {', '.join(units)}")
    return next(iter(units.values()), None)


def _stated_units(values: Sequence[Column]) -> Iterator[str]:
    for column in values:
        if column.unit:
            yield column.unit
        elif column.plain in ("watt", "watts", "w"):
            yield "W"
        elif column.plain in ("joule", "joules", "j"):
            yield "J"
