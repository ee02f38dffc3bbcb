"""The first pass over a log: which meters it holds, and how they were read.

A run file describes a channel before its readings, so the readings are looked at twice. What is
kept of a meter does not grow with the log.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from effmeter.errors import LogError, UsageError

MOST_HOSTS = 256
MOST_METERS = 4096
_KEPT_SPACINGS = 4096


class Reading(NamedTuple):
    """One value that a meter showed."""

    line: int
    time_ns: int
    """The wall clock."""
    host: str
    meter: str
    """The meter's name on its host."""
    value: float
    """Watts or joules."""
    decimals: int
    """Digits behind the point, as the log writes the value."""


@dataclass(slots=True)
class MeterSurvey:
    """What the readings of one meter have in common."""

    first_ns: int
    last_ns: int
    readings: int = 1
    decimals: int = 0
    last_value: float = 0.0
    rises: int = 0
    falls: int = 0
    repeats: int = 0
    """Readings at the time of the one before; they are left out."""
    _spacings_ns: list[int] = field(default_factory=list)
    _stride: int = 1

    @property
    def spacing_s(self) -> float:
        """The median time between two readings."""
        found = sorted(self._spacings_ns)
        return found[len(found) // 2] * 1e-9 if found else 1.0

    def add(self, seen: Reading) -> None:
        """Take in one more reading, not before the last one."""
        if seen.time_ns == self.last_ns:
            self.repeats += 1
            return
        self._add_spacing(seen.time_ns - self.last_ns)
        self.rises += seen.value > self.last_value
        self.falls += seen.value < self.last_value
        self.last_ns, self.last_value = seen.time_ns, seen.value
        self.readings += 1
        self.decimals = max(self.decimals, seen.decimals)

    def _add_spacing(self, spacing_ns: int) -> None:
        """Keep an even selection: every second one is dropped where they are too many."""
        if self.readings % self._stride == 0:
            self._spacings_ns.append(spacing_ns)
        if len(self._spacings_ns) > _KEPT_SPACINGS:
            del self._spacings_ns[::2]
            self._stride *= 2


Survey = dict[str, dict[str, MeterSurvey]]
"""The meters by host and name, in the order in which they appear."""


def survey_of(
    readings: Iterable[Reading], log: str, on_progress: Callable[[int], None] | None = None
) -> Survey:
    """The meters of a log; LogError where a time is before the one above it, or nothing is read.

    UsageError where there are more hosts or meters than can be: the wrong column names them.
    """
    found: Survey = {}
    meters = 0
    for count, seen in enumerate(readings, 1):
        if on_progress is not None and count % 65536 == 0:
            on_progress(count)
        meter = found.setdefault(seen.host, {}).get(seen.meter)
        if meter is None:
            found[seen.host][seen.meter] = _begun(seen)
            meters += 1
            _refuse_too_many(log, seen, len(found), meters)
        elif seen.time_ns < meter.last_ns:
            raise LogError(
                f"{log}, line {seen.line}: its time is before that of the reading above it: sort "
                "the log by time"
            )
        else:
            meter.add(seen)
    if not found:
        raise LogError(f"{log} holds no reading")
    return found


def _begun(seen: Reading) -> MeterSurvey:
    return MeterSurvey(seen.time_ns, seen.time_ns, decimals=seen.decimals, last_value=seen.value)


def _refuse_too_many(log: str, seen: Reading, hosts: int, meters: int) -> None:
    if hosts > MOST_HOSTS or meters > MOST_METERS:
        most = f"{MOST_HOSTS} hosts" if hosts > MOST_HOSTS else f"{MOST_METERS} meters"
        raise UsageError(
            f"{log}, line {seen.line}: more than {most}: are the columns of host and meter right?"
        )
