"""Other recordings of a machine that shared time with a run, as the run noted at its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from effmeter.errors import NotARunError
from effmeter.recorded.description import described
from effmeter.recorded.records import Note
from effmeter.runfile.format import NoteName

_LONGEST_S = 1e9
"""Decades; more is no time that runs can share."""


@dataclass(frozen=True, slots=True)
class RecordedOverlap:
    """One recording beside a run, or several of them together."""

    shared_s: float | None
    """None: the note does not state it."""
    name: str = ""
    file: str = ""
    pid: int | None = None
    others: int = 1
    """How many recordings it stands for; above 1, they are not named."""


def overlaps_in(notes: Iterable[Note]) -> tuple[RecordedOverlap, ...]:
    """The overlaps that notes state, each recording once: the ranks of a run note them all."""
    longest: dict[tuple[str, str, int], RecordedOverlap] = {}
    for note in notes:
        if note.name == NoteName.OVERLAP:
            found = _overlap(note)
            key = (found.name, found.file, found.others)
            known = longest.get(key)
            if known is None or (found.shared_s or 0.0) > (known.shared_s or 0.0):
                longest[key] = found
    return tuple(longest.values())


def _overlap(note: Note) -> RecordedOverlap:
    """The overlap of a note; a field of another type is not stated."""
    try:
        facts = described(note.text)
    except NotARunError:
        facts = {}
    shared_s = note.value
    return RecordedOverlap(
        shared_s if shared_s is not None and 0 <= shared_s <= _LONGEST_S else None,
        _text(facts.get("name")),
        _text(facts.get("file")),
        _number(facts.get("pid")),
        _number(facts.get("others")) or 1,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int | None:
    return value if type(value) is int else None
