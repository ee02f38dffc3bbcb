"""What every source format gives: the readings of its meters, and what it says of the training.

A format is a module with a function that returns a ``Log``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from effmeter.channel import Kind
from effmeter.importers.marks import Marks
from effmeter.importers.survey import Reading, Survey
from effmeter.runfile.format import Label


@dataclass(frozen=True, slots=True)
class StatedPower:
    """A constant power that a log states without measuring it, as that of switches."""

    host: str
    power_w: float
    source: str


@dataclass(frozen=True, slots=True)
class Log:
    """One run, as the logs of its instruments tell it."""

    name: str
    source: str
    """The log as errors and channels name it."""
    kind: Kind
    """Whether the meters show power or energy."""
    unit_size: float
    """The watts or joules in one unit of the log's values; with the digits of a value it gives
    the resolution."""
    readings: Callable[[], Iterable[Reading]]
    """The readings from the beginning, at each call; in order of time for each meter."""
    is_interval: bool | None = False
    """Of energies: each is what was used since the reading before; None: the values decide."""
    marks: Marks | None = None
    labels: Mapping[str, Label] = field(default_factory=dict)
    stated: tuple[StatedPower, ...] = ()
    metric_modes: Mapping[str, str] = field(default_factory=dict)
    """What the format itself tells of its metrics' directions."""
    warnings: tuple[str, ...] = ()
    survey: Survey | None = None
    """The first pass, where the format has made it already."""
