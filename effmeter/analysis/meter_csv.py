"""The CSV file of an external meter, as a reference.

The first line names the columns. One is the time: ``time_s``, ``time_ms`` or ``time`` (seconds,
or ISO 8601; local time where it states no offset). One is the power, ``power_w`` or ``watts``, or
the energy since any beginning, ``energy_j`` or ``joules``. Others are passed over, and so is a last
line without an end, which the meter may be writing.
"""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from effmeter.analysis.sensor_calibration import Reference
from effmeter.energy.curve import Curve
from effmeter.energy.part_time import Values
from effmeter.errors import UsageError
from effmeter.recorded.run import RecordedRun

_TIMES = {"time_s": 1.0, "time_ms": 1e-3, "time": 1.0}
_POWERS = ("power_w", "watts")
_ENERGIES = ("energy_j", "joules")
_WALL_SINCE_S = 1e8
"""Seconds beyond this are of the wall clock, since 1970; less counts from any beginning."""


def reference_csv(
    path: Path, run: RecordedRun, shown: Curve, most_shift_s: float, gain_error_fraction: float
) -> Reference:
    """The reference that a CSV file holds; UsageError where it cannot be one.

    Times of the wall clock may be off by ``most_shift_s``. Times from any other beginning are
    looked for over the whole run.
    """
    times_s, values, is_power = _columns(path)
    if len(times_s) < 2:
        raise UsageError(f"{path} holds fewer than two readings")
    curve = Curve.of_power(times_s, values) if is_power else Curve(times_s, values)
    if times_s[0] > _WALL_SINCE_S:
        metadata = run.metadata
        curve = curve.shifted((metadata.started_time_ns - metadata.started_wall_ns) * 1e-9)
        shifts_s = (-most_shift_s, most_shift_s)
    else:
        shifts_s = (
            float(shown.times_s[0] - curve.times_s[-1]),
            float(shown.times_s[-1] - curve.times_s[0]),
        )
    return Reference(path.name, curve, *shifts_s, gain_error_fraction)


def check_meter_csv(path: Path) -> None:
    """Raise UsageError where what the file holds by now, which may be no reading, is no record."""
    _columns(path)


def _columns(path: Path) -> tuple[Values, Values, bool]:
    """Times (s), values, and whether these are watts; joules otherwise."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(_whole_lines(file))
            names = [name.strip().lower() for name in lines.fieldnames or ()]
            lines.fieldnames = names
            time, value = _named(names, _TIMES), _named(names, (*_POWERS, *_ENERGIES))
            if time is None or value is None:
                raise UsageError(
                    f"{path}: the first line names a time ({', '.join(_TIMES)}) and one of "
                    f"{', '.join((*_POWERS, *_ENERGIES))}, not {', '.join(names) or 'nothing'}"
                )
            rows = [_row(path, lines.line_num, row, time, value) for row in lines]
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no CSV file: it is not text in UTF-8") from error
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read: {reason}") from error
    times_s, values = np.asarray(rows, np.float64).reshape(-1, 2).T
    if not (np.diff(times_s) > 0).all():
        raise UsageError(f"{path}: the times do not rise from line to line")
    return times_s, values, value in _POWERS


def _whole_lines(lines: Iterable[str]) -> Iterator[str]:
    """All lines but an unfinished last one, which the meter may be writing."""
    for number, line in enumerate(lines):
        if number == 0 or line.endswith(("\n", "\r")):
            yield line


def _named(names: Sequence[str], known: Sequence[str] | Mapping[str, float]) -> str | None:
    return next((name for name in known if name in names), None)


def _row(
    path: Path, number: int, row: Mapping[str, str | None], time: str, value: str
) -> tuple[float, float]:
    moment_s = _finite(path, number, row[time], lambda text: _seconds(text, time))
    return moment_s, _finite(path, number, row[value], float)


def _finite(path: Path, number: int, text: str | None, parse: Callable[[str], float]) -> float:
    try:
        value = parse(text or "")
    except ValueError as error:
        known = "a number" if parse is float else "a time in seconds or ISO 8601"
        raise UsageError(f"{path}, line {number}: {text!r} is not {known}") from error
    if not math.isfinite(value):
        raise UsageError(f"{path}, line {number}: {text} is not finite")
    return value


def _seconds(text: str, column: str) -> float:
    try:
        return float(text) * _TIMES[column]
    except ValueError:
        return datetime.fromisoformat(text.strip()).timestamp()
