"""Times as logs write them, as nanoseconds of the wall clock since 1970.

A time is ISO 8601 (``2024-05-09T12:22:00.207Z``, also with slashes or a space), or a number since
1970 in s, ms, us or ns. The size of a number tells its unit: for times from 2001 to 2286 no two
units share a value. What a text leaves open is an error that names the option that says it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from effmeter.errors import UsageError

TIME_UNITS_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_LEAST_S, _MOST_S = 10**9, 10**10
_NUMBER = re.compile(r"(-?[0-9]{1,19})(?:\.([0-9]{1,18}))?", re.ASCII)
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})", re.ASCII)
_DATE_FIRST = re.compile(r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ]", re.ASCII)
LATEST_NS = 2**62
"""Beyond what a run file can hold."""


def zone_named(text: str) -> tzinfo:
    """The time zone that a text names: ``UTC``, ``+02:00``, ``Europe/Dublin``; UsageError."""
    if text.upper() in ("UTC", "Z"):
        return UTC
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        sign, hours, minutes = offset.groups()
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        if ahead < timedelta(hours=24):
            return timezone(-ahead if sign == "-" else ahead)
    try:
        return ZoneInfo(text)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"{text!r} is no time zone, such as UTC, +02:00 or Europe/Dublin"
        ) from error


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads the times of one column."""

    unit: str | None = None
    """Of numbers; None: their size tells it."""
    zone: tzinfo | None = None
    """Of texts that state none; None: they must."""
    begin_ns: int | None = None
    """The moment that numbers count from, where that is not 1970."""

    def time_ns(self, text: str) -> int:
        """The moment; ValueError where the text is no time, or leaves open which."""
        text = text.strip()
        number = _NUMBER.fullmatch(text)
        time_ns = self._of_text(text) if number is None else self._of_number(text, *number.groups())
        if not 0 <= time_ns < LATEST_NS:
            raise ValueError(f"{text[:60]!r} is no time between 1970 and 2116")
        return time_ns

    def _of_number(self, text: str, whole: str, fraction: str | None) -> int:
        unit = self.unit or self._unit_of(text, int(whole))
        unit_ns = TIME_UNITS_NS[unit]
        time_ns = int(whole) * unit_ns
        if fraction:
            part_ns = int(fraction) * unit_ns // 10 ** len(fraction)
            time_ns += -part_ns if text.startswith("-") else part_ns
        if self.begin_ns is not None:
            return self.begin_ns + time_ns
        if not _LEAST_S * 10**9 <= time_ns < _MOST_S * 10**9:
            raise ValueError(
                f"{text[:60]!r} counts no {unit} since 1970 (from 2001 on): state its unit with "
                "--time-unit, and the moment that it counts from with --begin"
            )
        return time_ns

    def _unit_of(self, text: str, whole: int) -> str:
        if self.begin_ns is None:
            for unit, unit_ns in TIME_UNITS_NS.items():
                if _LEAST_S <= whole * unit_ns // 10**9 < _MOST_S:
                    return unit
        raise ValueError(
            f"the unit of the time {text[:60]!r} is not clear: state it with --time-unit "
            f"{', '.join(TIME_UNITS_NS)}"
            + ("" if self.begin_ns is not None else ", and its beginning with --begin")
        )

    def _of_text(self, text: str) -> int:
        if not _DATE_FIRST.match(text):
            raise ValueError(f"{text[:60]!r} is no time: write ISO 8601 or a number since 1970")
        try:
            moment = datetime.fromisoformat(text.replace("/", "-"))
        except ValueError as error:
            raise ValueError(f"{text[:60]!r} is no time of ISO 8601") from error
        if moment.tzinfo is None:
            moment = self._in_zone(moment, text)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000

    def _in_zone(self, moment: datetime, text: str) -> datetime:
        if self.zone is None:
            raise ValueError(
                f"{text[:60]!r} states no time zone: add --timezone with that of its clock, such "
                "as UTC, +02:00 or Europe/Dublin"
            )
        first, second = (moment.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() != second.utcoffset():
            raise ValueError(
                f"{text[:60]!r} lies in the hour in which the clock of {self.zone} changes: write "
                "the times with their offset, such as +02:00"
            )
        return first
