"""Which channels a total sums: a disjoint set, so that nothing is counted twice.

Of each component the measured channels count, and estimates only where nothing is measured.
A channel contained in one that counts is left out: the cores inside a package, the power gauge
beside an energy counter. The board's own meter contains all the rest and stands apart.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from effmeter.schema import Channel, Component, Provenance, Refusal

SUMMED_COMPONENTS = (Component.GPU, Component.CPU, Component.RAM, Component.SOC)
"""What a total takes in; a system on a chip counts its processors together."""


@dataclass(frozen=True, slots=True)
class Cover:
    """The channels that a total sums, and what it leaves out."""

    channels: tuple[Channel, ...]
    left_out: tuple[tuple[str, str], ...]
    """Channel and reason."""
    missing: tuple[Component, ...]
    """Components that the machine has and no channel covers."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the channels summed."""
        return tuple(channel.name for channel in self.channels)

    @property
    def estimated(self) -> tuple[str, ...]:
        """Those of them that are only estimated."""
        return tuple(c.name for c in self.channels if c.provenance is Provenance.ESTIMATED)


def choose_cover(
    channels: Iterable[Channel], known: Collection[str], refusals: Iterable[Refusal] = ()
) -> Cover:
    """The cover of a total over the channels whose energy is known.

    ``known`` holds the names of channels that have a figure; ``refusals`` tell which components
    the machine has although nothing reads them.
    """
    described = {channel.name: channel for channel in channels}
    candidates: dict[str, Channel] = {}
    left_out: list[tuple[str, str]] = []
    for channel in described.values():
        if channel.name not in known:
            left_out.append((channel.name, "no reading"))
        elif channel.component not in SUMMED_COMPONENTS:
            left_out.append((channel.name, "contains the others: stands apart"))
        else:
            candidates[channel.name] = channel
    for name, reason in _superseded(candidates, described):
        left_out.append((name, reason))
        del candidates[name]
    covered = {channel.component for channel in candidates.values()}
    if Component.SOC in covered:
        covered |= {Component.CPU, Component.GPU}
    missing = {r.component for r in refusals if r.present} - covered
    order = list(Component)
    return Cover(
        tuple(sorted(candidates.values(), key=lambda c: (order.index(c.component), c.name))),
        tuple(left_out),
        tuple(sorted((m for m in missing if m in SUMMED_COMPONENTS), key=order.index)),
    )


def _superseded(
    candidates: dict[str, Channel], described: dict[str, Channel]
) -> list[tuple[str, str]]:
    """Candidates that another one already includes or measures better, with the reason."""
    measured = {
        c.component for c in candidates.values() if c.provenance is not Provenance.ESTIMATED
    }
    if Component.SOC in measured:
        measured |= {Component.CPU, Component.GPU}
    found = []
    for channel in candidates.values():
        container = _container(channel, candidates, described)
        if container is not None:
            found.append((channel.name, f"contained in {container}"))
        elif channel.provenance is Provenance.ESTIMATED and channel.component in measured:
            found.append((channel.name, f"{channel.component} is measured"))
    return found


def _container(
    channel: Channel, candidates: dict[str, Channel], described: dict[str, Channel]
) -> str | None:
    """The nearest candidate that contains the channel, through any number of levels."""
    seen = {channel.name}
    outer = channel.contained_in
    while outer is not None and outer not in seen:
        if outer in candidates:
            return outer
        seen.add(outer)
        outer = described[outer].contained_in if outer in described else None
    return None
