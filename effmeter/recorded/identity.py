"""Which runs a recording holds, and which run each row belongs to.

A recording holds its own run, described by the file's metadata, and any further run that a
source names: the ``run_id`` in its ``source`` note. Sources without one belong to the
recording's own run. Ranks of one launch name the same run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from effmeter.recorded import timeline
from effmeter.recorded.records import Source
from effmeter.runfile.format import Event, Label, Metadata
from effmeter.runfile.row import EventRow

Root = tuple[str | None, int | None]
"""A program in its source: the source, and the parent of the program's outermost marks."""
_BY_ROOT = frozenset({Event.RUN_BEGIN, Event.END})
"""The events whose ``id`` is the program's own."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """One run of a recording, with the programs and ranks whose marks belong to it."""

    run_id: str
    name: str
    labels: Mapping[str, Label]
    sources: tuple[Source, ...]
    parent_run_id: str | None = None
    """The run that it began inside of: of this recording, or of the recording's own run another
    one. None: inside of no run."""

    @property
    def roots(self) -> frozenset[Root]:
        """Its programs."""
        return frozenset((source.id, source.root) for source in self.sources)


def run_identities(metadata: Metadata, sources: Iterable[Source]) -> tuple[RunIdentity, ...]:
    """The recording's own run, then the others in the order in which they began."""
    own_id = metadata.run_id
    members: dict[str, list[Source]] = {own_id: []}
    for source in sources:
        members.setdefault(source.run_id or own_id, []).append(source)
    own = members.pop(own_id)
    around = own[0].parent_run_id if own else None
    stated = {run_id: found[0].parent_run_id for run_id, found in members.items()}
    return (
        RunIdentity(
            own_id,
            metadata.name,
            metadata.labels,
            tuple(own),
            None if around in members or around == own_id else around,
        ),
        *(
            _named_by(run_id, found, _parent(run_id, stated, own_id))
            for run_id, found in members.items()
        ),
    )


def runs_inside(identities: Sequence[RunIdentity], run_id: str) -> tuple[RunIdentity, ...]:
    """The runs of a recording that lie inside one of them, at any depth, in their order."""
    children: dict[str | None, list[int]] = {}
    for place, each in enumerate(identities[1:], 1):
        children.setdefault(each.parent_run_id, []).append(place)
    found: list[int] = []
    waiting = [run_id]
    while waiting:
        inside = children.pop(waiting.pop(), [])
        found += inside
        waiting += (identities[place].run_id for place in inside)
    return tuple(identities[place] for place in sorted(found))


def rows_of_runs(
    events: Sequence[EventRow], identities: Sequence[RunIdentity]
) -> tuple[tuple[EventRow, ...], ...]:
    """The rows that the programs of each run wrote, in order.

    A row that names no program belongs to the first run of its source; one whose source is not
    known belongs to the recording's own run. The rows of the recorder belong to no run.
    """
    places = {root: place for place, each in enumerate(identities) for root in each.roots}
    first: dict[str | None, int] = {}
    for (source, _), place in places.items():
        first[source] = min(place, first.get(source, place))
    root_of = timeline.RootFinder(events)
    found: list[list[EventRow]] = [[] for _ in identities]
    for row in events:
        if row.source is not None:
            root = row.id if row.event in _BY_ROOT else root_of(row)
            place = places.get((row.source, root), first.get(row.source, 0))
            found[place].append(row)
    return tuple(map(tuple, found))


def _parent(run_id: str, stated: Mapping[str, str | None], own_id: str) -> str:
    """The run of the recording that a run lies inside of: as stated, else the recording's own."""
    parent = at = stated[run_id]
    seen = {run_id}
    while at is not None and at in stated and at not in seen:
        seen.add(at)
        at = stated[at]
    # In a circle, as a damaged file may state it, no run contains the other.
    return parent if parent in stated and at not in seen and parent is not None else own_id


def _named_by(run_id: str, sources: Sequence[Source], parent_run_id: str) -> RunIdentity:
    """A run that only its sources describe: by the first of them."""
    first = sources[0]
    return RunIdentity(run_id, first.name, first.labels, tuple(sources), parent_run_id)
