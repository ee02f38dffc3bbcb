"""Table I and Figures 1 and 2: final losses and the energy of a training, beside the paper's.

Figure 2 is known to show the curves; what Figure 1 shows was decided here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from effmeter.lab.studies.comparison_table import energy_words, interval_words
from effmeter.lab.studies.figure import FigureData, Picture, Row
from effmeter.lab.studies.grow_prune_select.tables import published_energies
from effmeter.lab.studies.over_seeds import energy_ratio, mean_duration_s, mean_energy
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.repeats import BySeed
from effmeter.lab.studies.teacher_student.scale import PAPER_ITERATIONS, PAPER_RUNS, StudentScale
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
_FINAL_LOSSES = Picture(
    "energy_j",
    "final_loss",
    "energy of a training, J",
    "final loss",
    ("approach",),
    ("energy_low_j", "energy_high_j"),
    ("final_loss_low", "final_loss_high"),
    x_log=True,
    y_log=False,
)
_LOSS_CURVES = Picture("iteration", "smoothed_loss", "iteration", "loss, smoothed", ("approach",))


@dataclass(frozen=True, slots=True)
class StudentResults:
    """What the table and the figures are made of, by approach."""

    scale: StudentScale
    curves: Mapping[str, Curves]
    recorded: Mapping[str, BySeed]


def table_1(study: StudentResults) -> PaperTable:
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
    from scipy import signal

    smooth = signal.savgol_filter(curves.losses, SMOOTHING_WINDOW, SMOOTHING_DEGREE, axis=1)
    return np.asarray(smooth[:, -1], dtype=np.float64)


def _row(name: str, study: StudentResults) -> Iterable[str]:
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


def _notes(study: StudentResults) -> Iterable[str]:
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


def _channels(study: StudentResults) -> str:
    """The channels of the energies with their provenance."""
    found = {
        f"{channel.name} ({channel.provenance})": None
        for recorded in study.recorded.values()
        for repeat in recorded.by_seed.values()
        for channel in repeat.energy.cover.channels
    }
    return ", ".join(found) or "nothing: no sensor gave a figure"


def figure_data(study: StudentResults) -> list[FigureData]:
    """The final loss against the energy of each approach, and how the losses fell."""
    return [
        FigureData(1, "final loss against energy", tuple(_final_loss_rows(study)), _FINAL_LOSSES),
        FigureData(2, "curves of the losses", tuple(_curve_rows(study)), _LOSS_CURVES),
    ]


def _final_loss_rows(study: StudentResults) -> Iterable[Row]:
    for name, curves in study.curves.items():
        loss = smoothed_final(curves)
        found = mean_energy(study.recorded[name])
        energy = None if found is None else found[0]
        yield {
            "approach": name,
            "final_loss": loss.mean,
            "final_loss_low": loss.low,
            "final_loss_high": loss.high,
            "energy_j": None if energy is None else energy.value,
            "energy_low_j": None if energy is None else energy.low,
            "energy_high_j": None if energy is None else energy.high,
        }


def _curve_rows(study: StudentResults) -> Iterable[Row]:
    for name, curves in study.curves.items():
        smooth = curves.smoothed(SMOOTHING_WINDOW, SMOOTHING_DEGREE)
        means = curves.losses.mean(axis=0)
        for iteration, mean, smoothed in zip(curves.iterations, means, smooth, strict=True):
            yield {
                "approach": name,
                "iteration": int(iteration),
                "mean_loss": float(mean),
                "smoothed_loss": float(smoothed),
            }
