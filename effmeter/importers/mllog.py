"""The lines of MLPerf's loggers: ``:::MLLOG`` and a JSON object.

Logs of results hold the output of the training too, and launchers put a rank before each line:
what stands before the mark is passed over, and so are lines without it.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effmeter.importers.lines import numbered_lines, quoted, refuse
from effmeter.importers.timestamps import LATEST_NS

MARK = ":::MLLOG"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a log."""

    line: int
    time_ns: int
    key: str
    value: Any
    metadata: Mapping[str, Any]

    def number(self) -> float | None:
        """The value where it is a finite number; None otherwise."""
        return _number(self.value)

    def count(self, name: str) -> float | None:
        """A number of the metadata; None where it has none of the name."""
        return _number(self.metadata.get(name))


def entries(path: Path) -> Iterator[Entry]:
    """The events of a log; LogError names the line that cannot be read."""
    for number, line in numbered_lines(path, is_output=True):
        _, mark, text = line.partition(MARK)
        if mark:
            yield _entry(path, number, text)


def is_log(path: Path) -> bool:
    """Whether a file holds any such line."""
    return next((True for _, line in numbered_lines(path, is_output=True) if MARK in line), False)


def _entry(path: Path, number: int, text: str) -> Entry:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        refuse(path, number, f"what follows {MARK} is no JSON: {quoted(text.strip())}")
    if not isinstance(found, dict) or not isinstance(found.get("key"), str):
        refuse(path, number, f"it has no key: {quoted(text.strip())}")
    time_ms: Any = found.get("time_ms")
    metadata = found.get("metadata")
    is_number = isinstance(time_ms, int | float) and not isinstance(time_ms, bool)
    if not is_number or not 0 <= time_ms < LATEST_NS // 10**6:
        refuse(path, number, f"time_ms is no time: {quoted(str(time_ms))}")
    time_ns = time_ms * 10**6 if isinstance(time_ms, int) else round(time_ms * 1e6)
    metadata = metadata if isinstance(metadata, dict) else {}
    return Entry(number, time_ns, found["key"], found.get("value"), metadata)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return float(value) if is_number and math.isfinite(value) else None
    except OverflowError:
        return None
