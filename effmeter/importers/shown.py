"""What meters of energy show: a count since some beginning, or the energy since the last value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from effmeter.errors import UsageError
from effmeter.importers.survey import MeterSurvey
from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow

WAS_RESET = "the meter was reset"
_LEAST_STEPS = 8
_SELDOM = 0.01
_OFTEN = 0.2


class Reset(NamedTuple):
    """A stretch in which a count began again; what was used there is unknown."""

    begin_ns: int
    end_ns: int
    number: int

    def row(self, channel: str) -> EventRow:
        """The gap that says so."""
        duration_s = (self.end_ns - self.begin_ns) * 1e-9
        return EventRow(
            self.begin_ns,
            Event.GAP,
            channel=channel,
            id=self.number,
            text=WAS_RESET,
            duration_s=duration_s,
        )


@dataclass(slots=True)
class Shown:
    """The energy that one meter has shown so far."""

    is_interval: bool
    last_ns: int | None = None
    energy_j: float = 0.0
    """Since its first value; it never falls."""
    _last_j: float = 0.0
    _resets: int = 0

    def take(self, time_ns: int, value_j: float) -> Reset | None:
        """Count one value; the reset that it shows, if it shows one.

        The first value of a count is where it begins; the energy of the first interval lies before
        the record.
        """
        before_ns, self.last_ns = self.last_ns, time_ns
        step_j = value_j if self.is_interval else value_j - self._last_j
        self._last_j = value_j
        if before_ns is None:
            return None
        if step_j >= 0:
            self.energy_j += step_j
            return None
        self.energy_j += value_j  # what it has counted since it began again
        self._resets += 1
        return Reset(before_ns, time_ns, self._resets)


def is_interval_energy(source: str, meters: Sequence[MeterSurvey]) -> bool:
    """Whether values that fall often are of intervals, and such that rise are a count.

    Raises UsageError where the values do not decide.
    """
    rises, falls = sum(m.rises for m in meters), sum(m.falls for m in meters)
    steps = rises + falls
    if steps >= _LEAST_STEPS and falls <= _SELDOM * steps:
        return False
    if steps >= _LEAST_STEPS and falls >= _OFTEN * steps:
        return True
    raise UsageError(
        f"{source}: the energies do not show whether they count on or are of intervals: state it "
        "with --energy cumulative or --energy interval"
    )
