"""Values that no honest program writes, and JSON with such values in it."""

import json
import math
from random import Random
from typing import Any

DIGITS = "@digits@"
"""Stands in a value for a whole number of more digits than Python converts."""
TEXTS = (
    "",
    "x",
    "NaN",
    "\x1b]0;title\x07\x9b31m\u202e\u2066",
    "\ud800",
    "line\nbreak\0",
    "[bold]",
    "=cmd()",
    "x" * 5000,
    "../../etc",
    "cpu0",
    "gpu0-power",
    "user:note",
    "1e999",
)
WHOLE = (0, 1, -1, 2, 3, 17, 2**31, 2**53 + 1, 2**63 - 1, -(2**63))
NUMBERS = (0.0, -0.0, -1.5, 0.1, 5e-324, 1e17, 1e308, -1e308, math.nan, math.inf, -math.inf)
BEYOND = (2**63, 2**64, -(2**63) - 1, 10**30, 10**400, DIGITS)


def nested(depth: int, kind: type = list) -> Any:
    """A list in a list, or an object in an object, so many levels deep."""
    found: Any = "x"
    for _ in range(depth):
        found = [found] if kind is list else {"a": found}
    return found


def any_value(rng: Random) -> Any:
    """A value of any type and size."""
    kinds = (TEXTS, WHOLE, NUMBERS, BEYOND, (None, True, False))
    made = rng.randrange(len(kinds) + 2)
    if made < len(kinds):
        return rng.choice(kinds[made])
    if made == len(kinds):
        return rng.choice(([], {}, [None], [[]], {"": None}, ["a", 1], {"a": {"b": [1, {}]}}))
    return nested(rng.choice((3, 30, 200, 900)), rng.choice((list, dict)))


def changed(rng: Random, value: Any, times: int = 1) -> Any:
    """A copy of nested values in which fields are replaced, left out or added."""
    root = [_copied(value)]
    for _ in range(times):
        places = list(_places(root))
        holder, key = rng.choice(places)
        act = rng.randrange(6)
        if act == 0 and isinstance(holder, dict):
            del holder[key]
        elif act == 1 and isinstance(holder, dict):
            holder[rng.choice(TEXTS)] = any_value(rng)
        elif act == 2 and isinstance(holder, list):
            holder.append(_copied(holder[key]) if holder is not root else None)
        elif act == 3:
            other_holder, other_key = rng.choice(places)
            holder[key] = _copied(other_holder[other_key])
        else:
            holder[key] = any_value(rng)
    return root[0]


def _copied(value: Any, depth: int = 0) -> Any:
    """A copy of nested values; what lies deep in them is shared."""
    if depth > 20 or not isinstance(value, list | dict):
        return value
    if isinstance(value, list):
        return [_copied(each, depth + 1) for each in value]
    return {key: _copied(each, depth + 1) for key, each in value.items()}


def _places(holder: Any, depth: int = 0) -> Any:
    """Every place in nested values, as the list or object and the key in it."""
    keys = range(len(holder)) if isinstance(holder, list) else list(holder)
    for key in keys:
        yield holder, key
        if isinstance(holder[key], list | dict) and depth < 8:
            yield from _places(holder[key], depth + 1)


def json_of(value: Any) -> str:
    """The JSON of values that may be hostile; broken where they nest too deep for Python."""
    try:
        return json.dumps(value).replace(f'"{DIGITS}"', "9" * 5000)
    except (RecursionError, ValueError):
        return "[" * 5000


def changed_json(rng: Random, text: str) -> str:
    """JSON with fields changed, or bytes of its text."""
    if rng.randrange(8) == 0:
        at = rng.randrange(len(text) + 1)
        return text[:at] + rng.choice(("", "[" * 3000, "{", '"', "\\ud800", "\0")) + text[at + 1 :]
    return json_of(changed(rng, json.loads(text), rng.choice((1, 1, 2, 5))))
