"""What a run holds besides its readings: sources, epochs, spans, gaps and notes.

All moments are nanoseconds of the run clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from effmeter.energy import Energy
from effmeter.energy.counter import Loss
from effmeter.energy.standstill import Stretch
from effmeter.runfile.format import Label as Label  # the values of labels
from effmeter.runfile.format import MetricMode as MetricMode  # the values of metric_modes
from effmeter.runfile.format import NoteName as NoteName  # the values of Note.name

Measure = Callable[[int, int], Energy | None]
"""The energy of a window (run clock, ns); None where it is unknown."""


def unmeasured(begin_ns: int, end_ns: int) -> Energy | None:
    """The measure of stretches without readings: every energy is unknown."""
    del begin_ns, end_ns
    return None


@dataclass(frozen=True, slots=True)
class Source:
    """A program, or one rank of it, whose marks are in the run."""

    id: str
    """Host, rank and process."""
    root: int | None = None
    """The number that its outermost marks name as their parent."""
    name: str = ""
    host: str = ""
    rank: int | None = None
    local_rank: int | None = None
    pid: int | None = None
    program: Any = None
    labels: Mapping[str, Label] = field(default_factory=dict)
    run_id: str | None = None
    """The run that it belongs to; None: the recording's own."""
    parent_run_id: str | None = None
    """The run that its run began inside of; None: inside of no run."""
    job: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the job that it is a rank of; as ``Metadata.job``."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One value that the loop logged; ``parent`` is the id of its epoch or span."""

    time_ns: int
    name: str
    value: float
    source: str | None
    parent: int | None


@dataclass(frozen=True, slots=True)
class RecordedEpoch:
    """One epoch of one source, with the last value of each metric logged for it."""

    number: int
    begin_ns: int
    end_ns: int
    source: str | None
    id: int | None
    metrics: Mapping[str, float]
    root: int | None = None
    """The parent of the outermost stretch around it: its program's, in the source."""
    open: bool = False
    """It has no end in the file; ``end_ns`` is then the last row's moment."""
    reason: str | None = None
    """Why it ended, where it did not end by itself."""
    measure: Measure = field(default=unmeasured, repr=False, compare=False)

    @property
    def energy(self) -> Energy | None:
        """The energy of the epoch, over the cover of all epochs; None where unknown."""
        return self.measure(self.begin_ns, self.end_ns)


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """A named stretch of a run, with the spans inside it."""

    name: str
    begin_ns: int
    end_ns: int
    source: str | None
    id: int | None
    parent: int | None
    metrics: Mapping[str, float]
    children: tuple["RecordedSpan", ...] = ()
    open: bool = False
    measure: Measure = field(default=unmeasured, repr=False, compare=False)

    @property
    def energy(self) -> Energy | None:
        """The energy of the span, over the cover of the run; None where unknown."""
        return self.measure(self.begin_ns, self.end_ns)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a channel could not be read; channel None: nothing was recorded."""

    channel: str | None
    begin_ns: int
    end_ns: int
    reason: str
    hidden_j: float | None = None
    """The most joules it can have hidden; None: unknown."""
    open: bool = False
    """It never closed; ``end_ns`` is then the end of the run."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """The machine slept between these two moments."""

    begin_ns: int
    end_ns: int
    asleep_s: float


@dataclass(frozen=True, slots=True)
class WallStep:
    """The wall clock was set between these two moments, forward by this much."""

    begin_ns: int
    end_ns: int
    step_s: float


@dataclass(frozen=True, slots=True)
class Contention:
    """Other processes used a device from this moment on; channel None: the processors."""

    time_ns: int
    channel: str | None
    processes: int | None
    """None: their number is unknown."""
    text: str
    """Which processes, or why their number is unknown."""


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """How much of a memory the programs of a run used, in bytes; None: not known."""

    average_bytes: float | None
    """Over time."""
    peak_bytes: float | None
    unknown: str | None = None
    """Why it was not known for some of the time, or ever."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the recorder or a source says about the run."""

    time_ns: int
    part: int
    source: str | None
    id: int | None
    name: str
    value: float | None
    text: str


class Readings(NamedTuple):
    """When one channel was read: the first and the last reading, and what lies lost between."""

    begin_ns: int
    end_ns: int
    losses: tuple[Loss, ...]
    standing: tuple[Stretch, ...] = ()
    """Where its counter stands still."""
    usual_s: float = 0.0
    """The longest time between two readings that the period of reading explains."""
