"""Which runs a recording holds.

A recording holds its own run, described by the file's metadata, and any further run that a
source names: the ``run_id`` in its ``source`` note. Sources without one belong to the
recording's own run, as all do that today's recorder writes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from effmeter.recorded.records import Source
from effmeter.runfile.format import Label, Metadata


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """One run of a recording, with the programs and ranks whose marks belong to it."""

    run_id: str
    name: str
    labels: Mapping[str, Label]
    sources: tuple[Source, ...]


def run_identities(metadata: Metadata, sources: Iterable[Source]) -> tuple[RunIdentity, ...]:
    """The recording's own run, then the others in the order in which they began."""
    members: dict[str, list[Source]] = {metadata.run_id: []}
    for source in sources:
        members.setdefault(source.run_id or metadata.run_id, []).append(source)
    own = RunIdentity(
        metadata.run_id, metadata.name, metadata.labels, tuple(members.pop(metadata.run_id))
    )
    return (own, *(_named_by(run_id, found) for run_id, found in members.items()))


def _named_by(run_id: str, sources: list[Source]) -> RunIdentity:
    """A run that only its sources describe: by the first of them."""
    first = sources[0]
    return RunIdentity(run_id, first.name, first.labels, tuple(sources))
