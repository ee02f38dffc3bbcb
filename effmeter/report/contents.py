"""What a report says of one run, as plain data: the text and the JSON show the same figures."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from effmeter.analysis.metrics import MetricCourse
from effmeter.energy import Energy
from effmeter.recorded.records import Label


@dataclass(frozen=True, slots=True)
class ComponentFigure:
    """The energy of a component, or the total, with what it rests on."""

    component: str
    energy: Energy
    provenance: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChannelFigure:
    """What one channel shows, whether the total sums it or not."""

    channel: str
    component: str
    kind: str
    provenance: str
    energy: Energy | None
    unread_s: float
    left_out: str | None


@dataclass(frozen=True, slots=True)
class MissingFigure:
    """What the total does not know."""

    what: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class EfficiencyFigure:
    """Eq 2 at the end of one epoch, per joule of ``energy``."""

    epoch: int
    metric_value: float
    energy: Energy
    value_per_j: float
    low_per_j: float
    high_per_j: float


@dataclass(frozen=True, slots=True)
class EfficiencyFigures:
    """Eq 2 of a metric, over the energy since the first epoch began."""

    metric: str
    final: EfficiencyFigure
    best: EfficiencyFigure | None
    """Null unless the metric's name says that more is better."""
    cover: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EpochFigure:
    """One epoch; ``begin_s`` counts from the beginning of the recording."""

    number: int
    begin_s: float
    duration_s: float
    open: bool
    metrics: dict[str, float]
    energy: Energy | None
    efficiency: EfficiencyFigure | None


@dataclass(frozen=True, slots=True)
class GapFigure:
    """A stretch that was not read; channel None: nothing was."""

    channel: str | None
    begin_s: float
    duration_s: float
    reason: str
    hidden_j: float | None
    open: bool


@dataclass(frozen=True, slots=True)
class MemoryFigure:
    """How much of a memory the run's programs used; null: unknown, for the reason given."""

    memory: str
    average_bytes: float | None
    peak_bytes: float | None
    unknown: str | None


@dataclass(frozen=True, slots=True)
class SourceFigure:
    """A program that set marks in the run."""

    id: str
    name: str
    rank: int | None
    epochs: int


@dataclass(frozen=True, slots=True)
class NetFigures:
    """Energies less those of the idle machine in the same time, over the same channels."""

    components: tuple[ComponentFigure, ...]
    total: ComponentFigure
    idle_date: str
    idle_duration_s: float


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in figures: joules, seconds, and metrics as they were logged."""

    name: str
    run_id: str
    files: tuple[str, ...]
    status: str
    stopped_by: str | None
    host: str | None
    begin: str
    duration_s: float
    labels: dict[str, Label]
    sources: tuple[SourceFigure, ...]
    epoch_count: int
    metrics: tuple[MetricCourse, ...]
    closing_metrics: dict[str, float]
    """Logged in no epoch and no span: of the run as a whole."""
    components: tuple[ComponentFigure, ...]
    total: ComponentFigure | None
    net: NetFigures | None
    """Null unless it was asked for."""
    missing: tuple[MissingFigure, ...]
    channels: tuple[ChannelFigure, ...]
    memory: tuple[MemoryFigure, ...]
    efficiency: EfficiencyFigures | None
    epochs: tuple[EpochFigure, ...]
    gaps: tuple[GapFigure, ...]
    suspended_s: float
    dropped_marks: int
    missed_deadlines: dict[str, int]
    cautions: tuple[str, ...]

    def as_mapping(self) -> dict[str, Any]:
        """The same for JSON: a number that JSON cannot hold becomes null."""
        plain = as_json(asdict(self, dict_factory=_figures))
        assert isinstance(plain, dict)
        return plain


def _figures(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a dataclass; of an energy the systematic error in place of its sources."""
    mapping = dict(pairs)
    if "gains" in mapping:
        del mapping["estimates"]
        mapping["systematic_j"] = sum(map(abs, mapping.pop("gains").values()), 0.0)
    return mapping


def as_json(value: Any) -> Any:
    """Nested values that JSON can hold: tuples as lists, numbers that are not finite as null."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
