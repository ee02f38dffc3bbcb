"""The data behind Figures 1 and 2; that 2 shows the curves is known, what 1 shows was decided."""

from collections.abc import Iterable

from effmeter.lab.studies.figure_data import FigureData, Row
from effmeter.lab.studies.over_seeds import mean_energy
from effmeter.lab.studies.picture import Picture
from effmeter.lab.studies.teacher_student.table import (
    SMOOTHING_DEGREE,
    SMOOTHING_WINDOW,
    StudentStudy,
    smoothed_final,
)

_ENDS = Picture(
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
_CURVES = Picture("iteration", "smoothed_loss", "iteration", "loss, smoothed", ("approach",))


def figure_data(study: StudentStudy) -> list[FigureData]:
    """The final loss against the energy of each approach, and how the losses fell."""
    return [
        FigureData(1, "final loss against energy", tuple(_ends(study)), _ENDS),
        FigureData(2, "curves of the losses", tuple(_curves(study)), _CURVES),
    ]


def _ends(study: StudentStudy) -> Iterable[Row]:
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


def _curves(study: StudentStudy) -> Iterable[Row]:
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
