"""Table I: where the losses of the students end and what a training costs, beside the paper's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import signal

from effmeter.lab.studies.comparison_table import energy_words, interval_words
from effmeter.lab.studies.grow_prune_select.published import published_energies
from effmeter.lab.studies.over_seeds import energy_ratio, mean_duration_s
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.repeats import BySeed
from effmeter.lab.studies.teacher_student.scale import PAPER_ITERATIONS, PAPER_RUNS, Scale
from effmeter.lab.workloads.teacher_student.approaches import IN_THE_PAPER
from effmeter.lab.workloads.teacher_student.curves import Curves, Estimate, estimate
from effmeter.report.formatting import with_interval

BIG = "big"
SMOOTHING_WINDOW, SMOOTHING_DEGREE = 11, 3
"""In readings; the paper's are not known."""
_HEADINGS = (
    *("approach", "hidden", "final loss", "interval", "/ big", "interval"),
    *("time, s", "interval", "energy", "interval", "published, J"),
    *("energy / big", "interval", "published", ""),
)


@dataclass(frozen=True, slots=True)
class StudentStudy:
    """What the table and the figures are made of, by approach."""

    scale: Scale
    curves: Mapping[str, Curves]
    recorded: Mapping[str, BySeed]


def table_1(study: StudentStudy) -> PaperTable:
    """A row for each approach, in the order of the paper's table."""
    rows = tuple(tuple(_row(name, study)) for name in study.curves)
    numeric = tuple(range(1, len(_HEADINGS) - 1))
    title = "students of one teacher, by approach"
    return PaperTable("Table I", title, _HEADINGS, rows, numeric, tuple(_notes(study)))


def smoothed_final(curves: Curves) -> Estimate:
    """The loss at the end after a Savitzky-Golay filter over the readings of each run."""
    return estimate(_smoothed_ends(curves))


def smoothed_final_ratio(curves: Curves, big: Curves) -> Estimate:
    """The same over the mean of the big student's, paired over the runs."""
    ends, others = _smoothed_ends(curves), _smoothed_ends(big)
    found = estimate((ends - others) / others.mean())
    return Estimate(1.0 + found.mean, 1.0 + found.low, 1.0 + found.high)


def _smoothed_ends(curves: Curves) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    smooth = signal.savgol_filter(curves.losses, SMOOTHING_WINDOW, SMOOTHING_DEGREE, axis=1)
    return np.asarray(smooth[:, -1], dtype=np.float64)


def _row(name: str, study: StudentStudy) -> Iterable[str]:
    curves, recorded = study.curves[name], study.recorded[name]
    is_big = name == BIG
    yield from (name, str(curves.approach.hidden))
    yield from _estimate_words(smoothed_final(curves))
    ratio = None if is_big else smoothed_final_ratio(curves, study.curves[BIG])
    yield from ("", "") if ratio is None else _estimate_words(ratio)
    yield from interval_words(mean_duration_s(recorded))
    yield from energy_words(recorded)
    printed = published_energies().get(name)
    yield "" if printed is None else f"{printed:.2f}"
    yield from interval_words(None if is_big else energy_ratio(recorded, study.recorded[BIG]))
    yield "" if printed is None or is_big else f"{printed / published_energies()[BIG]:.3f}"
    yield "" if name in IN_THE_PAPER else "not in the paper's table"


def _estimate_words(found: Estimate) -> tuple[str, str]:
    return with_interval(found.mean, found.low, found.high)


def _notes(study: StudentStudy) -> Iterable[str]:
    scale = study.scale
    yield (
        f"losses: {scale.runs} runs of {scale.iterations} iterations of each approach, trained "
        f"many at once, smoothed over {SMOOTHING_WINDOW} readings; 95 % intervals over the runs; "
        "/ big is paired over them"
    )
    yield (
        f"energies and times: single students of the first {scale.trials} seeds, recorded one at a "
        f"time on the processor; they sum {_channels(study)}"
    )
    yield "hidden: units at the beginning; gradmax grows to 50, unstructured keeps half its weights"
    yield (
        f"published: joules of Table I ({PAPER_RUNS} runs of {PAPER_ITERATIONS} iterations, on "
        "the authors' machine), and their ratio; no published loss is held as a figure"
    )


def _channels(study: StudentStudy) -> str:
    """What the energies are of, and how they come about."""
    found = {
        f"{channel.name} ({channel.provenance})": None
        for recorded in study.recorded.values()
        for repeat in recorded.by_seed.values()
        for channel in repeat.energy.cover.channels
    }
    return ", ".join(found) or "nothing: no sensor gave a figure"
