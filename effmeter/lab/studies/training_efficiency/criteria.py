"""The four criteria of the case study, and the rules that set what the paper leaves to a machine.

The paper's energy budget, a sum of 100 thousand power samples, means another energy on every
machine; its accuracy target suits its own data. Where no figure is given, the budget and the
target follow from the runs themselves, by rules that hold for every machine alike. The budget is
what the most frugal model uses in fifty epochs, as the paper's was of its LeNet of size 1, so that
every model meets it.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from effmeter.analysis.cut import CuttableRun, cuttable_run
from effmeter.errors import MeasurementError, UsageError
from effmeter.lab.studies.training_efficiency.scale import EARLY_EPOCH
from effmeter.recorded.run import RecordedRun
from effmeter.status import Status
from effmeter.stopping import Criterion, parse_criteria

CRITERIA = ("epochs", "patience", "energy", "accuracy")
"""In the order of the paper's tables."""
TARGET_FRACTION = 0.95
"""Of the median of the runs' best accuracies up to epoch 50."""


@dataclass(frozen=True, slots=True)
class ChosenCriteria:
    """The criteria of one data set, and the rules that gave them."""

    criteria: Mapping[str, Criterion]
    rules: tuple[str, ...]


def choose_criteria(
    dataset: str, runs: Sequence[RecordedRun], given: Sequence[str], target: str | None
) -> ChosenCriteria:
    """Fifty epochs, a patience of three, a budget and a target; ``given`` replaces any of them.

    ``target`` is the published one, if the data set has one. Budget and target follow from
    completed runs of fifty epochs or more: what diverged or was interrupted shows neither.
    MeasurementError where there is no such run, or none with an energy to set a budget by.
    """
    chosen = replaced_criteria(given)
    cuttables = [cuttable for run in runs if (cuttable := _whole(run)) is not None]
    rules = [f"{text}: as given" for text in given]
    if "energy" not in chosen:
        chosen["energy"] = _budget(dataset, cuttables)
        rules.append(
            f"{chosen['energy']}: what the most frugal run used up to epoch {EARLY_EPOCH}, rounded "
            "down to two digits"
        )
    if "accuracy" not in chosen and target is None:
        chosen["accuracy"] = _target(dataset, cuttables)
        rules.append(
            f"{chosen['accuracy']}: {TARGET_FRACTION:.0%} of the median of the runs' best "
            f"accuracies up to epoch {EARLY_EPOCH}, rounded down to a hundredth"
        )
    elif "accuracy" not in chosen and target is not None:
        chosen["accuracy"] = target
        rules.append(f"{target}: as in the paper's tables")
    usual = {"epochs": f"epochs={EARLY_EPOCH}", "patience": "patience=3"}
    parsed = parse_criteria([chosen.get(name) or usual[name] for name in CRITERIA])
    return ChosenCriteria(parsed, tuple(f"{dataset}, {rule}" for rule in rules))


def replaced_criteria(given: Sequence[str]) -> dict[str, str]:
    """The text that replaces each criterion, by name.

    UsageError for what is no criterion, is none of the four, or is one that another text is too.
    """
    found: dict[str, str] = {}
    for text in given:
        (name,) = parse_criteria([text])
        if name not in CRITERIA:
            raise UsageError(f"{text!r} is none of the study's criteria: {', '.join(CRITERIA)}")
        if name in found:
            raise UsageError(f"{found[name]!r} and {text!r} are both the criterion {name}")
        found[name] = text
    return found


def _whole(run: RecordedRun) -> CuttableRun | None:
    """A completed run that reached the early epoch; None for any other."""
    cuttable = cuttable_run(run) if run.status is Status.COMPLETED else None
    return None if cuttable is None or len(cuttable.results) < EARLY_EPOCH else cuttable


def _budget(dataset: str, cuttables: Sequence[CuttableRun]) -> str:
    energies = [_at_early_epoch(cuttable) for cuttable in cuttables]
    known = [energy_j for energy_j in energies if energy_j]
    if not known:
        raise MeasurementError(
            f"no completed run on {dataset} of {EARLY_EPOCH} epochs shows an energy, so that there "
            "is nothing to set a budget by: see effmeter doctor"
        )
    unit_j = 10.0 ** (math.floor(math.log10(min(known))) - 1)
    return f"energy={math.floor(min(known) / unit_j + 1e-9) * unit_j:g} J"


def _at_early_epoch(cuttable: CuttableRun) -> float | None:
    """Energy used up to epoch 50."""
    energy = cuttable.results[EARLY_EPOCH - 1].used
    return None if energy is None else energy.value_j


def _target(dataset: str, cuttables: Sequence[CuttableRun]) -> str:
    if not cuttables:
        raise MeasurementError(
            f"no run on {dataset} completed {EARLY_EPOCH} epochs, so that there is no accuracy to "
            "set a target by: give one, such as --stop accuracy=0.9"
        )
    target = TARGET_FRACTION * statistics.median(map(_best_accuracy, cuttables))
    return f"accuracy={math.floor(target * 100) / 100:g}"


def _best_accuracy(cuttable: CuttableRun) -> float:
    logged = (result.metrics.get("accuracy", 0.0) for result in cuttable.results[:EARLY_EPOCH])
    return max((value for value in logged if math.isfinite(value)), default=0.0)
