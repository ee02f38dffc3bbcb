"""What a reproduced study is: scales, options, and a run that gives tables and figures.

A study knows nothing of the command line: a ``Trainer`` records its cells and shows the progress.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto
from pathlib import Path
from typing import Protocol

from effmeter.analysis.machine_time import sharing_lines
from effmeter.lab.studies.figure import FigureData
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.sweep import Cell, Outcome, TrainingDevice
from effmeter.recorded.run import RecordedRun


class StudyOptions(Flag):
    """The fields of a ``StudyRequest`` that a study reads, beside those that all of them read."""

    SEEDS = auto()
    PARTS = auto()
    CRITERIA = auto()
    DATA = auto()
    DEVICE = auto()
    MACHINES = auto()
    STUDENTS = auto()


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What a user wants of a study."""

    scale: str
    directory: Path
    """Of the runs, and in its folder ``figures`` of the figures."""
    seeds: Sequence[int] = (0,)
    parts: tuple[str, ...] = ()
    """None: all of them."""
    criteria: tuple[str, ...] = ()
    """Stopping criteria in place of those of the same name."""
    data_dir: Path | None = None
    download: bool = False
    device: str = "auto"
    machines: tuple[Path, Path] | None = None
    """Two folders of runs to compare; nothing is trained."""
    students: int | None = None
    trials: int | None = None
    iterations: int | None = None
    fresh: bool = False
    wait: bool = False


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study prints and writes."""

    tables: Sequence[PaperTable]
    warnings: Sequence[str] = ()
    """Printed below all tables."""
    figures: Sequence[FigureData] = ()
    outcomes: Sequence[Outcome] = ()
    details: Mapping[str, object] = field(default_factory=dict)
    """Further entries of the JSON output."""


class Trainer(Protocol):
    """Records trainings for a study, and shows the progress."""

    def record(self, cells: Sequence[Cell], device: TrainingDevice) -> list[Outcome]:
        """The outcomes of all cells in their order."""

    def report(self, line: str) -> None:
        """Show one line of progress."""


class StudyScale(Protocol):
    """How much of a study is run."""

    @property
    def name(self) -> str:
        """Such as ``tiny``."""

    @property
    def summary(self) -> str:
        """Its data and networks in one line."""


class Study(Protocol):
    """A published study that can be run again."""

    @property
    def name(self) -> str:
        """As ``effmeter reproduce`` takes it."""

    @property
    def title(self) -> str:
        """Its subject in at most thirty characters."""

    @property
    def summary(self) -> str:
        """The help text: one line, then the paper and what is printed."""

    @property
    def options(self) -> StudyOptions:
        """What it reads of a request."""

    @property
    def default_seeds(self) -> str:
        """In the form of ``--seeds``; empty for a study that takes none."""

    @property
    def scales(self) -> Mapping[str, StudyScale]:
        """By name, the smallest first."""

    @property
    def parts(self) -> Sequence[str]:
        """What can be run alone; none for a study that is run as a whole."""

    def run(self, request: StudyRequest, trainer: Trainer) -> StudyResult:
        """Record what the directory does not hold yet, and fill the tables.

        UsageError for what cannot be trained, before torch is loaded.
        """


def energy_warnings(runs: Sequence[RecordedRun]) -> list[str]:
    """What limits the energies of runs: estimates, missing channels, other programs."""
    breakdowns = [run.breakdown() for run in runs]
    estimated = dict.fromkeys(name for each in breakdowns for name in each.cover.estimated)
    missing = {missed.what: missed.reason for each in breakdowns for missed in each.missing}
    shared = sum(any(other.processes for other in run.contentions) for run in runs)
    warnings = []
    if estimated:
        warnings.append(f"energies are estimated, not measured: {', '.join(estimated)}")
    for what, reason in missing.items():
        warnings.append(f"not covered: {what} ({reason})" if reason else f"not covered: {what}")
    if shared:
        warnings.append(
            f"other processes used the devices during {shared} of {len(runs)} runs, and the "
            "energies include their share: effmeter report names them"
        )
    return [*warnings, *sharing_lines(runs, [run.name for run in runs])]
