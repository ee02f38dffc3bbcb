"""The studies that ``effmeter reproduce`` runs, by name."""

from effmeter.lab.studies.gradient_approximation.study import STUDY as GRADIENT_APPROXIMATION
from effmeter.lab.studies.grow_prune_select.study import STUDY as GROW_PRUNE_SELECT
from effmeter.lab.studies.ssprop.study import STUDY as SSPROP
from effmeter.lab.studies.study import Study
from effmeter.lab.studies.teacher_student.study import STUDY as TEACHER_STUDENT
from effmeter.lab.studies.training_efficiency.study import STUDY as TRAINING_EFFICIENCY

STUDIES: tuple[Study, ...] = (
    TRAINING_EFFICIENCY,
    GROW_PRUNE_SELECT,
    TEACHER_STUDENT,
    SSPROP,
    GRADIENT_APPROXIMATION,
)
