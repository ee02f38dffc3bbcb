"""Methods by name, and the text that makes one: ``ssprop:drop=0.8,period=2``.

``+`` joins several methods, as in ``e2-train:keep=0.5+gskip``; ``/`` separates the numbers of a
parameter that takes several.
"""

import difflib
import importlib
import inspect
import re
import types
from collections.abc import Iterable
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NamedTuple,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from effmeter.errors import UsageError
from effmeter.methods.seeds import derived_seed

if TYPE_CHECKING:
    from effmeter.methods.method import Method


class _Entry(NamedTuple):
    home: str
    summary: str


_METHODS = {
    "dense": _Entry("method:Dense", "no method, with its work counted"),
    "ssprop": _Entry("gradients.ssprop:SsProp", "backward passes from the most important channels"),
    "zero-gradient": _Entry(
        "gradients.gradient_approximation:ZeroGradient", "scheduled weight gradients are zero"
    ),
    "random-gradient": _Entry(
        "gradients.gradient_approximation:RandomGradient", "scheduled weight gradients are random"
    ),
    "max-gradient": _Entry(
        "gradients.gradient_approximation:MaxGradient",
        "scheduled weight gradients from the largest element of each map",
    ),
    "meprop": _Entry(
        "gradients.meprop:MeProp", "linear layers learn from the largest output gradients"
    ),
    "gskip": _Entry("skipping.gskip:GSkip", "layers whose gradient stays alike are skipped"),
    "deadhorse": _Entry(
        "skipping.deadhorse:DeadHorse", "samples that the model is sure of are skipped"
    ),
    "random-skipping": _Entry(
        "skipping.random_skipping:RandomSkipping",
        "random batches, samples, steps or layers are skipped",
    ),
    "e2-train": _Entry(
        "skipping.selection:E2Train", "random batches are skipped, their steps are repeated"
    ),
    "gradmax": _Entry(
        "structure.growing.gradmax:GradMax", "the network grows where its gradient is largest"
    ),
    "random-growth": _Entry("structure.growing.growth:RandomGrowth", "the network grows at random"),
    "filter-pruning": _Entry(
        "structure.pruning.filters:FilterPruning", "the weakest filters are cut out"
    ),
    "random-filter-pruning": _Entry(
        "structure.pruning.filters:RandomFilterPruning", "random filters are cut out"
    ),
    "er-pruning": _Entry(
        "structure.pruning.unstructured:ErPruning", "random weights are zero from the start"
    ),
}


def method_names() -> tuple[str, ...]:
    """The names of all methods."""
    return tuple(_METHODS)


def method_summaries() -> dict[str, str]:
    """One line of description for each method, by name."""
    return {name: entry.summary for name, entry in _METHODS.items()}


_JOIN = re.compile(r"\+(?=\s*[a-z])")
_SERIES = tuple[float, ...]
_PLAIN = (bool, int, float, str, types.NoneType, _SERIES)


def check_method_names(text: str) -> None:
    """UsageError for a text that names an unknown method; loads no PyTorch."""
    for part in _JOIN.split(text):
        _home(part.partition(":")[0].strip())


def parse_method(text: str, *, seed: int = 0) -> "Method":
    """The method of a text ``NAME`` or ``NAME:parameter=value,...``, or of several joined by ``+``.

    Each of several draws from a seed of its own, which follows from ``seed`` and its place in the
    text. UsageError names the known methods, the parameters of one, or the values that a parameter
    takes; AttachError names methods that cannot be combined.
    """
    parts = _JOIN.split(text)
    if len(parts) == 1:
        return _parse_one(text, seed)
    methods = [_parse_one(part, derived_seed(seed, place)) for place, part in enumerate(parts)]
    from effmeter.methods.combined import Combined

    return Combined(methods, seed=seed)


def _parse_one(text: str, seed: int) -> "Method":
    name, _, given = text.partition(":")
    kind = method_class(name.strip())
    arguments = dict(_pair(part, name) for part in given.split(",") if part.strip())
    arguments.setdefault("seed", str(seed))
    hints = _hints(kind)
    unknown = [parameter for parameter in arguments if parameter not in hints]
    if unknown:
        known = ", ".join(hints)
        nearest = _nearest(unknown[0], hints)
        raise UsageError(f"{name} has no parameter {unknown[0]!r}{nearest}; it has: {known}")
    return kind(**{p: _value(f"{name}:{p}", value, hints[p]) for p, value in arguments.items()})


def method_class(name: str) -> "type[Method]":
    """The class of a method; UsageError for an unknown name."""
    module, _, kind = _home(name).partition(":")
    found = getattr(importlib.import_module(f"effmeter.methods.{module}"), kind)
    return cast("type[Method]", found)


def _home(name: str) -> str:
    if name not in _METHODS:
        known = ", ".join(_METHODS)
        nearest = _nearest(name, _METHODS)
        raise UsageError(f"unknown method {name!r}{nearest}; choose from {known}")
    return _METHODS[name].home


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _hints(kind: "type[Method]") -> dict[str, Any]:
    """The parameters that a text can give: those that are numbers, words or flags."""
    hints = get_type_hints(kind.__init__)
    return {
        name: hints[name]
        for name in inspect.signature(kind).parameters
        if name in hints and all(map(_is_plain, _alternatives(hints[name])))
    }


def _pair(part: str, name: str) -> tuple[str, str]:
    parameter, separator, value = (piece.strip() for piece in part.partition("="))
    if not (parameter and separator and value):
        raise UsageError(f"{part!r} is not a parameter of {name}: write {name}:parameter=value")
    return parameter, value


def _value(place: str, text: str, hint: Any) -> Any:
    for kind in _alternatives(hint):
        if kind == _SERIES:
            try:
                return tuple(float(number) for number in text.split("/"))
            except ValueError:
                continue
        if get_origin(kind) is Literal and text in get_args(kind):
            return text
        if kind is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        if kind is str:
            return text
        if kind is types.NoneType and text.lower() == "none":
            return None
    raise UsageError(f"{place} takes {_described(hint)}, not {text!r}")


def _alternatives(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(part for whole in get_args(hint) for part in _alternatives(whole))
    return (hint,)


def _is_plain(kind: Any) -> bool:
    return get_origin(kind) is Literal or kind in _PLAIN


def _described(hint: Any) -> str:
    words = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a word",
        _SERIES: "numbers separated by /",
    }
    parts = [
        ", ".join(get_args(kind)) if get_origin(kind) is Literal else words.get(kind, "none")
        for kind in _alternatives(hint)
    ]
    return " or ".join(parts)
