"""The energy of a job over several hosts, as the sum of each host's own.

Errors of different hosts are independent, so what readings leave open combines by variance.
Estimates of one rule err alike on all hosts: their bounds add, and so do the gain errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from effmeter.channel import Channel, Component
from effmeter.cover import SUMMED_COMPONENTS, Cover
from effmeter.energy import Energy, total
from effmeter.recorded.breakdown import Breakdown, ComponentEnergy, Missing


@dataclass(frozen=True, slots=True)
class JointCover(Cover):
    """The covers of all hosts; the names of channels begin with that of their host."""

    by_host: tuple[Cover, ...] = ()
    """In the order of the run's hosts."""


def hosts_together(
    window_ns: tuple[int, int],
    hosts: Sequence[str],
    parts: Sequence[Breakdown | None],
    lacking: Sequence[Missing],
) -> Breakdown:
    """One breakdown from those of the hosts; None: a host has no part in the window."""
    present = [(host, part) for host, part in zip(hosts, parts, strict=True) if part is not None]
    cover = _cover(hosts, parts)
    channels = tuple(
        replace(seen, channel=named_by_host(seen.channel, host))
        for host, part in present
        for seen in part.channels
    )
    components = tuple(
        found
        for component in (*SUMMED_COMPONENTS, Component.WALL)
        if (found := _component(component, present)) is not None
    )
    totals = [part.total for _, part in present if part.total is not None]
    missing = [
        Missing(f"{host}: {each.what}", each.reason, each.remedy)
        for host, part in present
        for each in part.missing
    ]
    unknown = [Missing(host, "its energy is unknown") for host, part in present if not part.total]
    summed = total(totals, independent=True)
    return Breakdown(
        *window_ns, cover, channels, components, summed, (*lacking, *unknown, *missing)
    )


def named_by_host(channel: Channel, host: str) -> Channel:
    """The channel under the name that it has in a run of several hosts."""
    contained_in = channel.contained_in and f"{host}/{channel.contained_in}"
    may_repeat = channel.may_repeat and f"{host}/{channel.may_repeat}"
    name = f"{host}/{channel.name}"
    return replace(channel, name=name, contained_in=contained_in, may_repeat=may_repeat)


def _cover(hosts: Sequence[str], parts: Sequence[Breakdown | None]) -> JointCover:
    covers = [_NOTHING if part is None else part.cover for part in parts]
    pairs = list(zip(hosts, covers, strict=True))
    return JointCover(
        tuple(named_by_host(channel, host) for host, cover in pairs for channel in cover.channels),
        tuple((f"{host}/{name}", why) for host, cover in pairs for name, why in cover.left_out),
        tuple(dict.fromkeys(missing for cover in covers for missing in cover.missing)),
        tuple(f"{host}/{name}" for host, cover in pairs for name in cover.partial),
        by_host=tuple(covers),
    )


_NOTHING = Cover((), (), ())


def _component(
    component: Component, present: Sequence[tuple[str, Breakdown]]
) -> ComponentEnergy | None:
    found = [
        (host, each)
        for host, part in present
        for each in part.components
        if each.component is component
    ]
    summed = total((each.energy for _, each in found), independent=True)
    if summed is None:
        return None
    channels = (named_by_host(c, host) for host, each in found for c in each.channels)
    return ComponentEnergy(component, summed, tuple(channels))


def joint_total(energies: Sequence[Energy | None]) -> Energy | None:
    """The sum over hosts; None where one of them is unknown."""
    known = [energy for energy in energies if energy is not None]
    return total(known, independent=True) if len(known) == len(energies) else None
