"""The text of a criterion in its parts: ``patience=reward:3:max,armed_at=0.9``."""

from collections.abc import Sequence

from effmeter.errors import UsageError
from effmeter.stopping.direction import Mode, usual_mode


def split_text(text: str) -> tuple[str, str]:
    """The parts of a text before and after its first ``=``; either may be empty."""
    keyword, _, value = (part.strip() for part in text.partition("="))
    return keyword, value


def split_options(value: str, names: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The part before the first comma, and the options after it.

    An option without a value, such as ``predict``, has an empty one. UsageError for a name that
    is not among ``names``.
    """
    first, *rest = (part.strip() for part in value.split(","))
    options: dict[str, str] = {}
    for part in rest:
        name, _, given = (piece.strip() for piece in part.partition("="))
        if name not in names:
            raise UsageError(f"{part!r} is not an option here: write {' or '.join(names)}")
        options[name] = given
    return first, options


def is_on(options: dict[str, str], name: str) -> bool:
    """Whether an option without a value is given; UsageError where it has a value."""
    if options.get(name):
        raise UsageError(f"the option {name} takes no value, not {options[name]!r}")
    return name in options


def split_mode(value: str) -> tuple[str, Mode | None]:
    """A value and the mode at its end, if there is one: ``30:max``."""
    rest, _, last = (part.strip() for part in value.rpartition(":"))
    match last:
        case "min" | "max":
            return rest, last
    return value, None


def required_mode(metric: str, given: Mode | None, example: str) -> Mode:
    """The mode given, else that of the metric's name; UsageError shows a text that has one."""
    mode = given or usual_mode(metric)
    if mode is None:
        raise UsageError(
            f"the name {metric!r} does not say whether less or more of it is better: add :min "
            f"or :max, as in {example}"
        )
    return mode


def mode_suffix(metric: str, mode: Mode | None) -> str:
    """What a text needs after its value: nothing where the metric's name implies the mode."""
    return "" if mode == usual_mode(metric) else f":{mode}"
