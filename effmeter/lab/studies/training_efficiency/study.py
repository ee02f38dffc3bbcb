"""The case study as ``effmeter reproduce training-efficiency`` runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from effmeter.errors import UsageError
from effmeter.lab.studies.study import StudyOptions, StudyRequest, StudyResult, Trainer
from effmeter.lab.studies.training_efficiency.criteria import replaced_criteria
from effmeter.lab.studies.training_efficiency.figures import figure_data
from effmeter.lab.studies.training_efficiency.machines import machine_tables, two_machines
from effmeter.lab.studies.training_efficiency.results import cut_runs, published
from effmeter.lab.studies.training_efficiency.scale import (
    ARCHITECTURES,
    PUBLISHED_TARGETS,
    SCALES,
    CaseScale,
)
from effmeter.lab.studies.training_efficiency.tables import paper_tables
from effmeter.lab.sweep import find_device
from effmeter.lab.workloads import Recipe
from effmeter.recorded.reading import find_runs, read_run
from effmeter.recorded.run import RecordedRun
from effmeter.report.efficiency_mapping import comparison_as_mapping


class TrainingEfficiencyStudy:
    """A ``Study``: every criterion is a cut of the same recordings of 100 epochs."""

    name = "training-efficiency"
    title = "LeNet and Bayesian LeNet."
    summary = """Measure LeNet and its Bayesian equivalent, and print Tables 3 to 14.

    Cueto-Mendoza and Kelleher, "A framework for measuring the training efficiency of a neural
    architecture". Ten models train for 100 epochs on each data set, and each criterion cuts these
    recordings. The tables show published figures, where there are any, beside the measured ones.
    The data of Figures 5 to 11 is written as CSV beside the runs.
    """
    options = (
        StudyOptions.SEEDS
        | StudyOptions.CRITERIA
        | StudyOptions.DATA
        | StudyOptions.DEVICE
        | StudyOptions.MACHINES
    )
    default_seeds = "0"
    scales: Mapping[str, CaseScale] = SCALES
    parts: Sequence[str] = ()

    def run(self, request: StudyRequest, trainer: Trainer) -> StudyResult:
        """Train the models, or compare the runs of two machines."""
        replaced_criteria(request.criteria)
        if request.machines is not None:
            return _compare(request.machines, request.criteria)
        scale = self.scales[request.scale]
        common = Recipe(ARCHITECTURES[0], data_dir=request.data_dir, download=request.download)
        scale.cells(request.seeds, common)  # refuses mistakes before torch loads
        device = find_device(request.device)
        cells = scale.cells(request.seeds, replace(common, device=device.name))
        outcomes = trainer.record(cells, device)
        recorded = [outcome.path for outcome in outcomes if outcome.path is not None]
        results = cut_runs(list(map(read_run, recorded)), request.criteria, scale.targets)
        return StudyResult(
            paper_tables(results),
            results.rules,
            figure_data(results),
            outcomes,
            {
                "energy_warnings": list(results.warnings),
                "efficiency": comparison_as_mapping(results.framework),
                "published": comparison_as_mapping(published()),
            },
        )


def _compare(folders: tuple[Path, Path], criteria: Sequence[str]) -> StudyResult:
    runs = [(folder, _runs_in(folder)) for folder in folders]
    one, other = two_machines(runs, criteria, PUBLISHED_TARGETS)
    machines = [comparison_as_mapping(machine.study.framework) for machine in (one, other)]
    tables = machine_tables(one, other)
    return StudyResult(tables, one.study.rules, details={"machines": machines})


def _runs_in(folder: Path) -> list[RecordedRun]:
    found = [path for path in find_runs([folder]) if path != folder]
    if not found:
        raise UsageError(f"{folder} holds no run (*.arrow)")
    return list(map(read_run, found))


STUDY = TrainingEfficiencyStudy()
