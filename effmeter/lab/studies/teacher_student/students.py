"""Single students, each trained in a recorded run of its own, from which energies are read.

A run is one epoch: the whole training on the processor, with one look at the loss at its end.
What an earlier call has recorded is not repeated.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from effmeter.errors import EffmeterError
from effmeter.lab.studies.repeats import BySeed, repeat_of
from effmeter.lab.studies.teacher_student.scale import StudentScale
from effmeter.lab.sweep.catalogue import RunCatalogue
from effmeter.lab.sweep.occupancy import PROCESSOR, occupy
from effmeter.lab.workloads.teacher_student.approaches import APPROACHES
from effmeter.lab.workloads.teacher_student.trial import StudentTrial
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Label
from effmeter.stopping import MaxEpochs
from effmeter.tracking import track

_WARMING_ITERATIONS = 200
"""Of a student that is not recorded: the first to train loads and starts what all of them use."""


@dataclass(frozen=True, slots=True)
class Student:
    """One student to be recorded."""

    approach: str
    seed: int
    iterations: int

    @property
    def name(self) -> str:
        """The name of its run."""
        return f"student-{self.approach}-seed-{self.seed}"

    @property
    def labels(self) -> Mapping[str, Label]:
        """What its run is labelled with: all that its training follows from."""
        return {
            "study": "teacher-student",
            "approach": self.approach,
            "iterations": self.iterations,
            "seed": self.seed,
            "device": PROCESSOR,
        }


def students_of(scale: StudentScale, names: Iterable[str] = APPROACHES) -> list[Student]:
    """All approaches of a seed before the next seed, so that a drift of the machine is shared."""
    each = tuple(names)
    return [Student(name, s, scale.iterations) for s in range(scale.trials) for name in each]


def record_students(
    students: Sequence[Student],
    directory: Path,
    *,
    fresh: bool = False,
    tell: Callable[[str], None] = lambda _: None,
    on_wait: Callable[[str], None] | None = None,
) -> dict[Student, RecordedRun]:
    """The run of each student, recorded where the directory does not hold it.

    With ``fresh`` all are recorded again, and the files of earlier runs are set aside. The
    processor is held meanwhile (see ``occupy``: DeviceBusyError, or ``on_wait`` is called).
    RunFileError for a directory that cannot be written; EffmeterError for a run that could not
    be recorded.
    """
    catalogue = RunCatalogue(directory)
    earlier = {} if fresh else {s: catalogue.completed(s) for s in students}
    found = {student: run for student, run in earlier.items() if run is not None}
    to_record = [student for student in students if student not in found]
    if found:
        tell(f"{len(found)} of {len(students)} students were recorded earlier")
    if to_record:
        with occupy(PROCESSOR, os.environ, on_wait):
            StudentTrial(APPROACHES["big"]).train(_WARMING_ITERATIONS)
            for number, student in enumerate(to_record, 1):
                tell(f"{student.name}: recording {number} of {len(to_record)}")
                catalogue.set_aside(student)
                found[student] = _record(student, directory)
    return {student: found[student] for student in students}


def by_approach(runs: Mapping[Student, RecordedRun]) -> dict[str, BySeed]:
    """What the runs came to, approach by approach; those without a finite loss are left out."""
    found: dict[str, BySeed] = {}
    for name in dict.fromkeys(student.approach for student in runs):
        repeats = [repeat_of(r, "loss", s.seed) for s, r in runs.items() if s.approach == name]
        found[name] = BySeed({each.seed: each for each in repeats if each is not None})
    return found


def _record(student: Student, directory: Path) -> RecordedRun:
    trial = StudentTrial(APPROACHES[student.approach], student.seed)
    with track(student.name, student.labels, directory=directory, join=False) as run:
        for epoch in run.epochs(stop=MaxEpochs(1)):
            work = trial.train(student.iterations)
            epoch.log(loss=trial.loss(), **work.metrics())
    if run.path is None:
        raise EffmeterError(f"{student.name} could not be recorded: effmeter doctor says why")
    return read_run(run.path)
