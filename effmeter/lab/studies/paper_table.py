"""A table as a paper prints it: cells are words, notes say how far they can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaperTable:
    """One table of a paper, filled with figures of one's own."""

    name: str
    """What the paper calls it, such as ``Table 3``."""
    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[Sequence[str], ...] = ()
    """None where this run of the study does not fill it; a note says why."""
    numeric: tuple[int, ...] = ()
    """Columns to align to the right."""
    notes: tuple[str, ...] = ()

    def as_mapping(self) -> dict[str, object]:
        """The same for JSON: one mapping for each row would hide headings that repeat."""
        return {
            "name": self.name,
            "title": self.title,
            "headings": list(self.headings),
            "rows": [list(row) for row in self.rows],
            "notes": list(self.notes),
        }
