"""What the user states about a log, whatever its format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from effmeter.importers.log import StatedPower
from effmeter.importers.meters import MeterFacts
from effmeter.runfile.format import Label


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user states about a log."""

    facts: MeterFacts = field(default_factory=MeterFacts)
    labels: Mapping[str, Label] = field(default_factory=dict)
    metric_modes: Mapping[str, str] = field(default_factory=dict)
    """By metric, a ``MetricMode``."""
    has_feeds: bool = False
    """Several wall meters of a host measure feeds of it, which add up."""
    stated: tuple[StatedPower, ...] = ()
    job: str | None = None
    """What the logs of one job share that are imported one by one, each of some of its hosts."""
