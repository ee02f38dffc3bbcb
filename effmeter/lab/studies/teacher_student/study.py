"""The teacher-student study as ``effmeter reproduce teacher-student`` runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from effmeter.errors import UsageError
from effmeter.lab.studies.study import (
    StudyOptions,
    StudyRequest,
    StudyResult,
    Trainer,
    energy_warnings,
)
from effmeter.lab.studies.teacher_student.scale import LEAST_ITERATIONS, SCALES, StudentScale
from effmeter.lab.sweep.device import not_installed


class TeacherStudentStudy:
    """A ``Study``: many students trained at once for the losses, single ones for the energies."""

    name = "teacher-student"
    title = "Students of one teacher."
    summary = """Train the students of one teacher with nine approaches, and print Table I.

    Boumendil et al., "Grow, prune or select data". Losses come from many students trained at
    once, energies from students that are trained and recorded singly on the processor. The
    published joules stand beside the measured ones. Figures 1 and 2 are written as CSV and, with
    matplotlib, drawn.
    """
    options = StudyOptions.STUDENTS
    default_seeds = ""
    scales: Mapping[str, StudentScale] = SCALES
    parts: Sequence[str] = ()

    def run(self, request: StudyRequest, trainer: Trainer) -> StudyResult:
        """Record the single students first, then train the others."""
        scale = _scale_of(request)
        try:
            return _run(scale, request, trainer)
        except ModuleNotFoundError as error:
            raise not_installed(error) from error


def _scale_of(request: StudyRequest) -> StudentScale:
    """The scale with the numbers that a user gives; UsageError for too small ones."""
    least = {
        "students": (request.students, 2),
        "trials": (request.trials, 1),
        "iterations": (request.iterations, LEAST_ITERATIONS),
    }
    for option, (number, minimum) in least.items():
        if number is not None and number < minimum:
            raise UsageError(f"--{option} takes {minimum} or more, not {number}")
    scale = SCALES[request.scale]
    return replace(
        scale,
        runs=request.students or scale.runs,
        trials=request.trials or scale.trials,
        iterations=request.iterations or scale.iterations,
    )


def _run(scale: StudentScale, request: StudyRequest, trainer: Trainer) -> StudyResult:
    from effmeter.lab.studies.teacher_student.curves import saved_curves
    from effmeter.lab.studies.teacher_student.students import (
        by_approach,
        record_students,
        students_of,
    )
    from effmeter.lab.studies.teacher_student.tables import StudentResults, figure_data, table_1

    def on_wait(reason: str) -> None:
        trainer.report(f"waiting: {reason}")

    runs = record_students(
        students_of(scale),
        request.directory,
        fresh=request.fresh,
        tell=trainer.report,
        on_wait=on_wait if request.wait else None,
    )
    curves = saved_curves(
        scale, request.directory / "curves", fresh=request.fresh, tell=trainer.report
    )
    results = StudentResults(scale, curves, by_approach(runs))
    return StudyResult(
        [table_1(results)],
        energy_warnings(list(runs.values())),
        figure_data(results),
        details={
            "students": scale.runs,
            "trials": scale.trials,
            "iterations": scale.iterations,
        },
    )


STUDY = TeacherStudentStudy()
