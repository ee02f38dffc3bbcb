"""The case study's result: the framework over its runs, each data set with its own criteria."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from effmeter.analysis.efficiency_framework.from_runs import observe
from effmeter.analysis.efficiency_framework.observation import Observations, Trial
from effmeter.analysis.efficiency_framework.result import Framework, framework
from effmeter.analysis.efficiency_framework.trials import refuse_mixtures
from effmeter.errors import UsageError
from effmeter.lab.studies.caveats import energy_caveats
from effmeter.lab.studies.training_efficiency.criteria import CRITERIA, choose_criteria
from effmeter.recorded.run import RecordedRun


@dataclass(frozen=True, slots=True)
class CaseStudy:
    """What tables and figures are made of."""

    datasets: tuple[str, ...]
    """The first stands where the paper has MNIST, the second where it has CIFAR-10."""
    runs: tuple[RecordedRun, ...]
    framework: Framework
    criteria: Mapping[str, Mapping[str, str]]
    """By data set and name: the criterion in words."""
    rules: tuple[str, ...]
    """How the criteria came about."""
    caveats: tuple[str, ...]
    """What its energies are subject to: estimates, and what is not covered."""

    @property
    def overtrained(self) -> frozenset[Trial]:
        """The models whose efficiencies are those of overtrained ones (Table 13)."""
        verdicts = self.framework.observations.overtraining
        return frozenset(seen.trial for seen in verdicts if seen.verdict.is_overtrained)


def case_study(
    runs: Sequence[RecordedRun],
    given: Sequence[str] = (),
    targets: Mapping[str, str] | None = None,
    rule_runs: Sequence[RecordedRun] | None = None,
) -> CaseStudy:
    """Cut the runs of a grid by the four criteria of each data set.

    ``given`` replaces criteria that are otherwise chosen by rule (see ``criteria``); ``targets``
    are published accuracies, by data set; the rules look at ``rule_runs``, by default the runs
    themselves. UsageError for runs that are none of a grid, or do
    not measure the same; MeasurementError where no energy is known.
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
    return CaseStudy(
        tuple(by_dataset),
        tuple(runs),
        framework(together),
        {d: dict(found.criteria) for d, found in zip(by_dataset, seen, strict=True)},
        tuple(rule for choice in chosen.values() for rule in choice.rules),
        tuple(energy_caveats(runs)),
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
