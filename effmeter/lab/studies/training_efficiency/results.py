"""The results of the case study, each data set cut by its own criteria, and the published ones.

Published are Tables 3, 5, 7, 9 (MNIST) and 13 (excerpts) of Cueto-Mendoza and Kelleher, *A
framework for measuring the training efficiency of a neural architecture*. Energies are sums of
power samples (W), which depend on the sampling rate of the paper's sensors: only ratios and
rankings compare with joules. Misprints stand as they were printed and are flagged. No figures of
the CIFAR-10 tables (4, 6, 8, 10) are held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from effmeter.analysis.efficiency_framework.from_runs import observe
from effmeter.analysis.efficiency_framework.from_tables import read_tables
from effmeter.analysis.efficiency_framework.observation import POWER_SAMPLES, Observations, Trial
from effmeter.analysis.efficiency_framework.result import EfficiencyFramework, build_framework
from effmeter.analysis.efficiency_framework.trials import refuse_mixtures
from effmeter.errors import UsageError
from effmeter.lab.studies.study import energy_warnings
from effmeter.lab.studies.training_efficiency.criteria import CRITERIA, choose_criteria
from effmeter.recorded.run import RecordedRun

PUBLISHED_DATASETS = ("mnist", "cifar10")
"""The data sets of the paper's odd and even tables."""


@dataclass(frozen=True, slots=True)
class CaseResults:
    """The runs of the study, and what they come to at each criterion."""

    datasets: tuple[str, ...]
    """The first stands where the paper has MNIST, the second where it has CIFAR-10."""
    runs: tuple[RecordedRun, ...]
    framework: EfficiencyFramework
    criteria: Mapping[str, Mapping[str, str]]
    """By data set and name: the criterion in words."""
    rules: tuple[str, ...]
    """The rules that gave the criteria."""
    warnings: tuple[str, ...]
    """What its energies are subject to: estimates, and what is not covered."""

    @property
    def overtrained(self) -> frozenset[Trial]:
        """The models whose efficiencies are those of overtrained ones (Table 13)."""
        verdicts = self.framework.observations.overtraining
        return frozenset(seen.trial for seen in verdicts if seen.verdict.is_overtrained)


def cut_runs(
    runs: Sequence[RecordedRun],
    given: Sequence[str] = (),
    targets: Mapping[str, str] | None = None,
    rule_runs: Sequence[RecordedRun] | None = None,
) -> CaseResults:
    """Cut the runs of a grid by the four criteria of each data set.

    ``given`` replaces criteria that are otherwise chosen by rule (see ``criteria``); ``targets``
    are published accuracies, by data set; the rules look at ``rule_runs``, by default the runs
    themselves. UsageError for no runs, and for runs that do not measure the same;
    MeasurementError where no energy is known.
    """
    by_dataset = runs_by_dataset(runs)
    if not by_dataset:
        raise UsageError("there are no runs to make the tables of")
    ruling = by_dataset if rule_runs is None else runs_by_dataset(rule_runs)
    chosen = {
        dataset: choose_criteria(dataset, ruling[dataset], given, (targets or {}).get(dataset))
        for dataset in by_dataset
    }
    seen = [observe(members, chosen[dataset].criteria) for dataset, members in by_dataset.items()]
    together = _joined(seen)
    return CaseResults(
        tuple(by_dataset),
        tuple(runs),
        build_framework(together),
        {d: dict(found.criteria) for d, found in zip(by_dataset, seen, strict=True)},
        tuple(rule for choice in chosen.values() for rule in choice.rules),
        tuple(energy_warnings(runs)),
    )


def runs_by_dataset(runs: Sequence[RecordedRun]) -> dict[str, list[RecordedRun]]:
    """Runs by their label ``dataset``, in the order in which these appear."""
    found: dict[str, list[RecordedRun]] = {}
    for run in runs:
        found.setdefault(str(run.labels.get("dataset", "")), []).append(run)
    return found


def _joined(parts: Sequence[Observations]) -> Observations:
    """Observations of several data sets as one; UsageError where they do not measure the same."""
    observed = tuple(seen for part in parts for seen in part.observed)
    refuse_mixtures(observed)
    words = {
        name: "; ".join(dict.fromkeys(part.criteria[name] for part in parts)) for name in CRITERIA
    }
    return Observations(
        observed,
        tuple(seen for part in parts for seen in part.unobserved),
        tuple(verdict for part in parts for verdict in part.overtraining),
        words,
        tuple(dict.fromkeys(text for part in parts for text in part.warnings)),
    )


@cache
def published() -> EfficiencyFramework:
    """The framework over the published figures."""
    with as_file(files("effmeter.lab.studies.training_efficiency") / "published_tables") as folder:
        return build_framework(read_tables(sorted(folder.glob("*.csv")), POWER_SAMPLES))
