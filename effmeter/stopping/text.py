"""Criteria as people write them: ``epochs=50``, ``energy=2kJ``, ``accuracy=0.97``."""

from effmeter.errors import UsageError
from effmeter.stopping.criteria import EnergyBudget, MaxEpochs, Patience, TargetMetric
from effmeter.stopping.criterion import Criterion

CRITERION_FORMS = "epochs=50, energy=2kJ, patience=3 or METRIC=TARGET such as accuracy=0.97"


def parse_criterion(text: str) -> Criterion:
    """The criterion of a text such as ``epochs=50``, ``energy=2kJ``, ``accuracy=0.97``.

    ``patience=3`` watches the accuracy; ``patience=loss:3`` another metric, which is to fall
    where its name says loss or error. UsageError names the forms.
    """
    name, separator, value = (part.strip() for part in text.partition("="))
    if not (name and separator and value):
        raise UsageError(f"{text!r} is not a stopping criterion: write {CRITERION_FORMS}")
    if name == "energy":
        return EnergyBudget(value)
    try:
        if name == "epochs":
            return MaxEpochs(int(value))
        if name == "patience":
            metric, _, epochs = value.rpartition(":")
            metric = metric or "accuracy"
            return Patience(metric, int(epochs), mode=_usual_mode(metric))
        return _target(name, float(value))
    except ValueError as error:
        raise UsageError(f"{text!r} has no number: write {CRITERION_FORMS}") from error


def _target(name: str, value: float) -> TargetMetric:
    known = ("accuracy", "loss", "error", "score", "f1", "auc", "perplexity")
    if not any(word in name.lower() for word in known):
        raise UsageError(f"{name!r} is not a stopping criterion: write {CRITERION_FORMS}")
    return TargetMetric(name, value, _usual_mode(name))


def _usual_mode(metric: str) -> str:
    falls = any(word in metric.lower() for word in ("loss", "error", "perplexity"))
    return "min" if falls else "max"
