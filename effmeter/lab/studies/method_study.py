"""A study of training methods: networks trained densely and with methods, over seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from effmeter.lab.studies.figure import FigureData
from effmeter.lab.studies.method_results import MethodResults, MethodScale
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.study import (
    StudyOptions,
    StudyRequest,
    StudyResult,
    Trainer,
    energy_warnings,
)
from effmeter.lab.studies.variant import cells_of
from effmeter.lab.sweep import find_device
from effmeter.lab.workloads import Recipe


@dataclass(frozen=True, slots=True)
class MethodStudy:
    """A ``Study`` that is given by the tables of each scale and by what fills them."""

    name: str
    title: str
    summary: str
    scales: Mapping[str, MethodScale]
    tables_of: Callable[[MethodResults], list[PaperTable]]
    figures_of: Callable[[MethodResults], list[FigureData]] | None = None

    @property
    def options(self) -> StudyOptions:
        """Parts, seeds, data and a device."""
        return StudyOptions.PARTS | StudyOptions.SEEDS | StudyOptions.DATA | StudyOptions.DEVICE

    @property
    def default_seeds(self) -> str:
        """Three, so that differences have intervals."""
        return "0-2"

    @property
    def parts(self) -> Sequence[str]:
        """Those of the smallest scale, which has all of them."""
        return next(iter(self.scales.values())).parts

    def run(self, request: StudyRequest, trainer: Trainer) -> StudyResult:
        """Train every variant with every seed, and fill the tables."""
        scale = self.scales[request.scale].restricted_to(request.parts)
        common = Recipe("", data_dir=request.data_dir, download=request.download)
        cells_of(scale.variants, request.seeds, common)  # refuses mistakes before torch loads
        device = find_device(request.device)
        cells = cells_of(scale.variants, request.seeds, replace(common, device=device.name))
        outcomes = trainer.record(cells, device)
        results = MethodResults.gather(scale, outcomes)
        return StudyResult(
            self.tables_of(results),
            energy_warnings(results.runs),
            [] if self.figures_of is None else self.figures_of(results),
            outcomes,
            {"results": results.as_mappings()},
        )
