"""Other recordings of a machine that shared time with a run, as the run noted at its end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from effmeter.errors import NotARunError
from effmeter.recorded.description import described
from effmeter.recorded.records import Note
from effmeter.runfile.format import NoteName
from effmeter.typed_fields import Check, stated_fields, text, whole

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
        facts = stated_fields(described(note.text), _OVERLAP_FIELDS)
    except NotARunError:
        facts = {}
    shared_s = note.value
    return RecordedOverlap(
        shared_s if shared_s is not None and 0 <= shared_s <= _LONGEST_S else None,
        facts.get("name", ""),
        facts.get("file", ""),
        facts.get("pid"),
        facts.get("others") or 1,
    )


_OVERLAP_FIELDS: Mapping[str, Check] = {
    "name": text,
    "file": text,
    "pid": whole(),
    "others": whole(1),
}
