"""Meters that are counted under several names, in one run or over the hosts of a job.

What such meters measured is not decided by their readings: one host may be metered under two names,
or the second host has no meter. So a sum keeps each name, and the energy with each meter counted
once stands beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from effmeter.channel import Channel, Provenance
from effmeter.energy import Energy, total
from effmeter.recorded.equal_readings import EqualMeters, equal_meters
from effmeter.recorded.readings import Samples
from effmeter.recorded.run import RecordedRun
from effmeter.units import format_energy

_MOST_NAMED = 8


@dataclass(frozen=True)
class RepeatedMeters:
    """The meters of runs that are counted together, of which some have equal readings."""

    runs: Sequence[RecordedRun]
    groups: tuple[EqualMeters, ...]
    energies: dict[str, Energy]
    """By name, the energy that the total takes from each meter."""

    @cached_property
    def counted(self) -> Energy | None:
        """The sum with every name counted."""
        return total(self.energies.values())

    @cached_property
    def once(self) -> Energy | None:
        """The sum with each meter counted once."""
        repeated = {name for group in self.groups for name in group.names[1:]}
        return total(e for name, e in self.energies.items() if name not in repeated)

    @property
    def caution(self) -> str:
        """What a reader of the sum must know."""
        named = ", ".join(" = ".join(group.names) for group in self.groups[:_MOST_NAMED])
        more = f" and {len(self.groups) - _MOST_NAMED} more" * (len(self.groups) > _MOST_NAMED)
        first = self.groups[0]
        sums = [e and format_energy(e.value_j) for e in (self.counted, self.once)]
        return (
            f"equal readings ({first.readings}, of which {first.moves} move): {named}{more}: one "
            f"meter under several names? Their sum counts it with each, {sums[0]}; with each meter "
            f"counted once it is {sums[1]}"
        )


def repeated_among(runs: Sequence[RecordedRun]) -> RepeatedMeters | None:
    """The meters with equal readings among those that totals count; None: there are none.

    Runs are of one host or of the hosts of one job; their wall clocks are compared.
    """
    runs = [part for run in runs for part in run.by_host]
    several = len(runs) > 1
    samples, energies = {}, {}
    for run in runs:
        host = str(run.metadata.host.get("name") or run.paths[0].stem)
        for channel, energy in _counted(run):
            name = host if several and len(run.channels) == 1 else channel.name
            name = f"{host}/{name}" if several and name != host else name
            energies[name] = energy
            if channel.provenance is not Provenance.ESTIMATED:
                samples[name] = (channel.kind, partial(_on_the_wall, run, channel.name))
    groups = equal_meters(samples) if len(samples) > 1 else ()
    return RepeatedMeters(runs, groups, energies) if groups else None


def _counted(run: RecordedRun) -> Iterator[tuple[Channel, Energy]]:
    for seen in run.breakdown().channels:
        if seen.left_out is None and seen.energy is not None:
            yield seen.channel, seen.energy


def _on_the_wall(run: RecordedRun, channel: str) -> Samples:
    shown = run.samples(channel)
    assert shown is not None, "it has an energy"
    since_ns = run.metadata.started_wall_ns - run.metadata.started_time_ns
    return Samples(shown.times_ns + since_ns, shown.values)
