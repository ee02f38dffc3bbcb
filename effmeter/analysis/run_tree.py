"""Runs in the order of a tree: each below the run inside of which it began."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from effmeter.recorded.run import RecordedRun


class PlacedRun(NamedTuple):
    """A run of a list, by its place there."""

    place: int
    depth: int
    """How many runs of the list it lies inside of."""


def tree_of(runs: Sequence[RecordedRun]) -> Iterator[PlacedRun]:
    """All places of a list, each run followed by those inside it.

    Runs without a surrounding run in the list keep their order, and so do those inside one run.
    """
    around = surrounding(runs)
    inside: dict[int | None, list[int]] = {}
    for place in range(len(runs)):
        inside.setdefault(around[place], []).append(place)
    waiting = [PlacedRun(place, 0) for place in reversed(inside.get(None, ()))]
    while waiting:
        at = waiting.pop()
        yield at
        waiting += [PlacedRun(place, at.depth + 1) for place in reversed(inside.get(at.place, ()))]


def surrounding(runs: Sequence[RecordedRun]) -> list[int | None]:
    """For each run of a list, the place of the innermost listed run around it; None: of none."""
    by_id = {run.run_id: place for place, run in reversed(list(enumerate(runs)))}
    # A file may be listed beside its copy: the run of the same recording comes first.
    by_recording = {(id(run.recording), run.run_id): place for place, run in enumerate(runs)}
    found: list[int | None] = []
    for place, run in enumerate(runs):
        inner = (
            by_recording.get((id(run.recording), each.run_id), by_id.get(each.run_id))
            for each in run.ancestors
        )
        around = next((each for each in inner if each is not None), None)
        if around is None:
            outermost = run.ancestors[-1] if run.ancestors else run.identity
            around = by_id.get(outermost.parent_run_id or "")
        found.append(None if _leads_to(place, around, found) else around)
    return found


def _leads_to(place: int, around: int | None, found: Sequence[int | None]) -> bool:
    """Whether a run would lie inside itself, as files that contradict each other may state it."""
    while around is not None and around != place:
        around = found[around] if around < len(found) else None
    return around == place
