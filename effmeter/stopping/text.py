"""Criteria as people write them: ``epochs=50``, ``energy=2kJ``, ``accuracy=0.97``."""

from collections import Counter
from collections.abc import Iterable

from effmeter.errors import UsageError
from effmeter.stopping.criteria import EnergyBudget, MaxEpochs, Patience, TargetMetric
from effmeter.stopping.criterion import AllOf, AnyOf, Criterion
from effmeter.stopping.direction import Mode, usual_mode

CRITERION_FORMS = "epochs=50, energy=2kJ, patience=3 or METRIC=TARGET such as accuracy=0.97"
_RESERVED = ("epochs", "energy", "patience")


def parse_criterion(text: str) -> Criterion:
    """The criterion of a text such as ``epochs=50``, ``energy=2kJ``, ``accuracy=0.97``.

    ``patience=3`` watches the accuracy; ``patience=val_loss:4`` another metric;
    ``patience=3,armed_at=0.9`` waits for that value first. ``:min`` or ``:max`` at the end of a
    metric's criterion says whether less or more of it is better where its name does not:
    ``reward=30:max``, ``patience=reward:3:max``. ``energy=2kJ,predict`` begins no epoch that would
    overshoot. UsageError names the forms.
    """
    name, separator, value = (part.strip() for part in text.partition("="))
    if not (name and separator and value):
        raise UsageError(f"{text!r} is not a stopping criterion: write {CRITERION_FORMS}")
    try:
        if name == "energy":
            return _budget(value)
        if name == "epochs":
            return MaxEpochs(int(value))
        if name == "patience":
            return _patience(value)
        return _target(name, value)
    except ValueError as error:
        raise UsageError(f"{text!r} has no number: write {CRITERION_FORMS}") from error


def parse_criteria(texts: Iterable[str]) -> dict[str, Criterion]:
    """Criteria by name, in the order given; those whose names are the same keep their text."""
    parsed = {text.strip(): parse_criterion(text) for text in texts}
    names = {text: _name(criterion) for text, criterion in parsed.items()}
    repeated = Counter(names.values())
    return {
        names[text] if repeated[names[text]] == 1 else text: criterion
        for text, criterion in parsed.items()
    }


def describe(criterion: Criterion) -> str:
    """A criterion as ``parse_criterion`` reads it; what has no such form as Python writes it."""
    match criterion:
        case MaxEpochs(epochs):
            return f"epochs={epochs}"
        case EnergyBudget(budget, predict, False):
            amount = budget if isinstance(budget, str) else f"{budget!r} J"
            return f"energy={amount}{',predict' if predict else ''}"
        case TargetMetric(metric, target, mode) if metric not in _RESERVED:
            return f"{metric}={target!r}{_mode_suffix(metric, mode)}"
        case Patience(metric, epochs, 0.0, mode, armed_at):
            armed = "" if armed_at is None else f",armed_at={armed_at!r}"
            return f"patience={metric}:{epochs}{_mode_suffix(metric, mode)}{armed}"
        case AnyOf(criteria) | AllOf(criteria):
            word = " or " if isinstance(criterion, AnyOf) else " and "
            return word.join(map(describe, criteria))
    return repr(criterion)


def _name(criterion: Criterion) -> str:
    """The name of a criterion in the framework: epochs, accuracy, patience, energy."""
    match criterion:
        case MaxEpochs():
            return "epochs"
        case Patience():
            return "patience"
        case EnergyBudget():
            return "energy"
        case TargetMetric(metric):
            return "accuracy" if "accuracy" in metric else metric
    return describe(criterion)


def _budget(value: str) -> EnergyBudget:
    amount, *options = (part.strip() for part in value.split(","))
    if options not in ([], ["predict"]):
        raise UsageError(f"an energy budget takes the option predict, not {','.join(options)!r}")
    return EnergyBudget(amount, predict=bool(options))


def _patience(value: str) -> Patience:
    waits, _, option = (part.strip() for part in value.partition(","))
    waits, mode = _split_mode(waits)
    metric, _, epochs = waits.rpartition(":")
    metric = metric or "accuracy"
    count = int(epochs)
    resolved = mode or _mode_of(metric, f"patience={value}", f"patience={metric}:{count}:max")
    if not option:
        return Patience(metric, count, mode=resolved)
    name, _, armed_at = (part.strip() for part in option.partition("="))
    if name != "armed_at":
        raise UsageError(f"patience takes the option armed_at=VALUE, not {option!r}")
    return Patience(metric, count, mode=resolved, armed_at=float(armed_at))


def _target(name: str, value: str) -> TargetMetric:
    target, mode = _split_mode(value)
    number = float(target)
    resolved = mode or _mode_of(name, f"{name}={target}", f"{name}={target}:max")
    return TargetMetric(name, number, resolved)


def _split_mode(value: str) -> tuple[str, Mode | None]:
    """A value without the mode at its end, and that mode: ``30:max``."""
    rest, _, last = (part.strip() for part in value.rpartition(":"))
    match last:
        case "min" | "max":
            return rest, last
    return value, None


def _mode_of(metric: str, text: str, example: str) -> Mode:
    mode = usual_mode(metric)
    if mode is None:
        raise UsageError(
            f"{text!r} does not say whether less or more of {metric!r} is better: add :min or "
            f":max, as in {example}. Other criteria are {CRITERION_FORMS}"
        )
    return mode


def _mode_suffix(metric: str, mode: Mode | None) -> str:
    return "" if mode == usual_mode(metric) else f":{mode}"
