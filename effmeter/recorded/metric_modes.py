"""What a file states of its metrics' directions, in place of what their names imply."""

import contextlib
from collections.abc import Iterable

from effmeter.recorded.description import described
from effmeter.recorded.records import Note
from effmeter.runfile.format import MetricMode, NoteName


def stated_modes(notes: Iterable[Note]) -> dict[str, MetricMode]:
    """By metric, the direction that the notes of a run state; unknown modes are passed over.

    Raises NotARunError where a statement is broken.
    """
    found: dict[str, MetricMode] = {}
    for note in notes:
        if note.name == NoteName.METRIC_MODES:
            for metric, mode in described(note.text).items():
                with contextlib.suppress(ValueError):
                    found[metric] = MetricMode(mode)
    return found
