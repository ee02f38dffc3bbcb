"""Which channels a total sums: a disjoint set, so that nothing is counted twice.

Of each component the measured channels count, and estimates only where nothing is measured.
A channel contained in one that counts is left out: the cores inside a package, the power gauge
beside an energy counter. Where its container has no figure, a channel of the same device stands
in for it; a part does not. The board's own meter contains all the rest and stands apart, and so
does a meter of the whole machine, except where the machine has no other channel: the total is
then that of the machine at the wall.

A cover also says what its total does not know: components that nothing covers (``missing``),
and devices of the components it does cover that give no figure (``partial``).

Where a channel shows nothing for a while (its counter stands still, nothing read it), another one
takes its place for that stretch: ``effmeter.cover_in_time``.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from effmeter.channel import Channel, Component, Provenance, Refusal
from effmeter.typed_fields import Check, fields_in, member, text

SUMMED_COMPONENTS = (Component.GPU, Component.CPU, Component.RAM, Component.SOC)
"""What a total takes in; a system on a chip counts its processors together. A machine without a
channel of any of them counts at the wall."""
UNSEEN = "hidden from the program by its environment, cgroup or container"
IS_MEASURED = "is measured"
"""Of the component of an estimate that a total leaves out."""
HIDDEN_CHANNELS = "hidden_channels"
"""In a program's description: the channels of the devices that it may not use; missing where it
may use all."""
VISIBILITY_UNKNOWN = "visible_gpus_unknown"
"""In a program's description: why its restriction cannot be resolved."""
_NUMBERED = re.compile(r"(\D*)(\d*)")
VISIBLE_DEVICES = "visible_gpus"
"""In a program's description: the identities of the devices that it may use; for people to read."""
DEVICE_CAUTIONS = "device_cautions"
"""In a program's description: what a reader of its figures must know about its devices."""
UNREAD_DEVICES = "unread_devices"
"""In a program's description: the devices that it may use and the recorder does not see, each with
``device``, ``component`` and ``reason``."""
DEVICE_FACTS = (
    HIDDEN_CHANNELS,
    VISIBILITY_UNKNOWN,
    VISIBLE_DEVICES,
    DEVICE_CAUTIONS,
    UNREAD_DEVICES,
)
"""What only the recorder states in a program's description; stated again, it replaces all."""
_INSIDE_SOC = frozenset({Component.GPU, Component.CPU})


class CoverStretch(NamedTuple):
    """The channels that a total sums from a moment on, until the next stretch."""

    begin_ns: int
    names: frozenset[str]


class Counted(NamedTuple):
    """A stretch in which a total sums a channel."""

    name: str
    begin_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Cover:
    """The channels that a total sums, and what it leaves out."""

    channels: tuple[Channel, ...]
    """Some of them only for a part of the time: see ``stretches``."""
    left_out: tuple[tuple[str, str], ...]
    """Channel and reason."""
    missing: tuple[Component, ...]
    """Components that the machine has and no channel covers."""
    partial: tuple[str, ...] = ()
    """Devices without a figure whose component others cover: a channel's name, or what a
    refusal says it leaves unread."""
    stretches: tuple[CoverStretch, ...] = ()
    """Where other channels are summed than before, in order; the first also holds before it
    begins. Empty: all channels are summed all the time."""

    def counted(self, begin_ns: int, end_ns: int) -> Iterator[Counted]:
        """The stretches of a window in which each channel is summed, as long as they can be."""
        if not self.stretches:
            yield from (Counted(name, begin_ns, end_ns) for name in self.names)
            return
        begins_ns = [stretch.begin_ns for stretch in self.stretches]
        first = max(0, bisect_right(begins_ns, begin_ns) - 1)
        last = max(first, bisect_right(begins_ns, end_ns - 1) - 1)
        inside = self.stretches[first : last + 1]
        since_ns: dict[str, int] = {}
        for stretch in inside:
            at_ns = max(begin_ns, stretch.begin_ns)
            for name in [name for name in since_ns if name not in stretch.names]:
                yield Counted(name, since_ns.pop(name), at_ns)
            for name in sorted(stretch.names - since_ns.keys()):
                since_ns[name] = begin_ns if stretch is inside[0] else at_ns
        yield from (Counted(name, since, end_ns) for name, since in since_ns.items())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the channels summed."""
        return tuple(channel.name for channel in self.channels)

    @property
    def estimated(self) -> tuple[str, ...]:
        """Those of them that are only estimated."""
        return tuple(c.name for c in self.channels if c.provenance is Provenance.ESTIMATED)


def choose_cover(
    channels: Iterable[Channel],
    known: Collection[str],
    refusals: Iterable[Refusal] = (),
    unseen: Collection[str] = (),
) -> Cover:
    """The cover of a total over the channels whose energy is known.

    ``known`` holds the names of channels that have a figure; ``refusals`` say which components
    and devices the machine has although nothing reads them. Channels in ``unseen`` are of
    devices that the recorded programs cannot use.
    """
    channels = list(channels)
    described = {channel.name: channel for channel in channels if channel.name not in unseen}
    refused = [refusal for refusal in refusals if refusal.present]
    candidates: dict[str, Channel] = {}
    left_out = [(channel.name, UNSEEN) for channel in channels if channel.name in unseen]
    summed = _summed_components(described.values())
    for channel in described.values():
        if channel.name not in known:
            left_out.append((channel.name, "no reading"))
        elif channel.component not in summed:
            left_out.append((channel.name, "stands apart: it may contain the others"))
        else:
            candidates[channel.name] = channel
    for name, reason in _superseded(candidates, described):
        left_out.append((name, reason))
        del candidates[name]
    for name, reason in _same_machine(candidates.values()):
        left_out.append((name, reason))
        del candidates[name]
    missing = {refusal.component for refusal in refused} - covered_components(candidates.values())
    return Cover(
        in_order(candidates.values()),
        tuple(left_out),
        tuple(component for component in SUMMED_COMPONENTS if component in missing),
        tuple(_partial(candidates, described, known, refused, missing)),
    )


def by_number(name: str) -> tuple[tuple[str, int], ...]:
    """A key that sorts ``cpu2`` before ``cpu10``."""
    return tuple((text, int(number or -1)) for text, number in _NUMBERED.findall(name))


def hidden_channels(programs: Sequence[Any]) -> frozenset[str]:
    """The channels of devices that none of the programs may use, by their descriptions.

    Empty where any of them may use all.
    """
    stated = [p.get(HIDDEN_CHANNELS) if isinstance(p, Mapping) else None for p in programs]
    lists = [frozenset(map(str, names)) for names in stated if isinstance(names, list)]
    if not lists or len(lists) < len(stated):
        return frozenset()
    return frozenset.intersection(*lists)


_UNREAD_DEVICE: Mapping[str, Check] = {
    "component": member(Component),
    "reason": text,
    "device": text,
}


def unread_device(described: Mapping[str, Any]) -> Refusal:
    """The refusal of a device among the ``UNREAD_DEVICES`` of a program.

    ValueError where a field is of another type, KeyError where one is missing.
    """
    found = fields_in(described, _UNREAD_DEVICE)
    return Refusal(
        "the devices of a program",
        found["component"],
        found["reason"],
        leaves_unread=found["device"],
    )


def in_order(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """Channels by component, then by name and number."""
    order = list(Component)
    return tuple(sorted(channels, key=lambda c: (order.index(c.component), by_number(c.name))))


def _summed_components(described: Iterable[Channel]) -> tuple[Component, ...]:
    """The components that a total sums: the parts of the machine, or else the machine."""
    found = {channel.component for channel in described}
    has_parts = not found.isdisjoint(SUMMED_COMPONENTS)
    return SUMMED_COMPONENTS if has_parts else (Component.WALL,)


def _same_machine(candidates: Iterable[Channel]) -> list[tuple[str, str]]:
    """The meters of the whole machine but one; its feeds count only where no meter has it whole."""
    walls = [channel for channel in candidates if channel.component is Component.WALL]
    wholes = [channel for channel in walls if not channel.is_feed]
    if not wholes:
        return []
    counted = min(wholes, key=lambda c: (c.provenance is Provenance.ESTIMATED, by_number(c.name)))
    reason = f"the same machine as {counted.name}"
    return [(channel.name, reason) for channel in walls if channel is not counted]


def covered_components(candidates: Iterable[Channel]) -> set[Component]:
    """The components that channels cover; a system on a chip holds its processors.

    A meter of the whole machine covers all of them.
    """
    covered = {channel.component for channel in candidates}
    if Component.WALL in covered:
        return covered.union(SUMMED_COMPONENTS)
    return covered | _INSIDE_SOC if Component.SOC in covered else covered


def _superseded(
    candidates: Mapping[str, Channel], described: Mapping[str, Channel]
) -> list[tuple[str, str]]:
    """Candidates that another one already includes or measures better, with the reason."""
    # A part of a device that has no figure measures nothing of its component.
    measured = covered_components(
        channel
        for channel in candidates.values()
        if channel.provenance is not Provenance.ESTIMATED
        and (_container(channel, candidates, described) or not _whole_of(channel, described))
    )
    found = []
    for channel in candidates.values():
        container = _container(channel, candidates, described)
        if container is not None:
            found.append((channel.name, f"contained in {container}"))
        elif whole := _whole_of(channel, described):
            found.append((channel.name, f"only a part of {whole}, which has no reading"))
        elif channel.provenance is Provenance.ESTIMATED and channel.component in measured:
            found.append((channel.name, f"{channel.component} {IS_MEASURED}"))
    return found


def _container(
    channel: Channel, candidates: Mapping[str, Channel], described: Mapping[str, Channel]
) -> str | None:
    """The nearest candidate that contains the channel, through any number of levels."""
    outer = (name for name in lineage(channel, described)[1:] if name in candidates)
    return next(outer, None)


def _whole_of(channel: Channel, described: Mapping[str, Channel]) -> str | None:
    """What the channel is only a part of: its container, unless that is of the same device.

    A power gauge stands in for the counter of its GPU, the cores not for their package.
    """
    wholes = (n for n in _devices(channel, described)[1:] if described[n].device != channel.device)
    return next(wholes, None)


def lineage(channel: Channel, described: Mapping[str, Channel]) -> list[str]:
    """A channel's name and those of all that contain it, the nearest first."""
    names = [channel.name]
    outer = channel.contained_in
    while outer is not None and outer not in names:
        names.append(outer)
        outer = described[outer].contained_in if outer in described else None
    return names


def second_sensors(described: Mapping[str, Channel]) -> dict[str, list[str]]:
    """The other channels that show the same quantity of the same device, by the outermost one.

    One that is derived, such as the gauge of a sleeping card, is no sensor.
    """
    found: dict[str, list[str]] = {}
    for channel in described.values():
        if channel.provenance is Provenance.DERIVED:
            continue
        for name in lineage(channel, described)[1:]:
            outer = described.get(name)
            if outer is not None and _is_same_quantity(channel, outer):
                found.setdefault(name, []).append(channel.name)
    return found


def _is_same_quantity(channel: Channel, other: Channel) -> bool:
    return (channel.component, channel.device) == (other.component, other.device)


def _partial(
    candidates: Mapping[str, Channel],
    described: Mapping[str, Channel],
    known: Collection[str],
    refused: Iterable[Refusal],
    missing: Collection[Component],
) -> Iterable[str]:
    """Devices that give no figure, that nothing in the cover stands in for and nothing names.

    An estimate is of all devices of its component together.
    """
    estimated = {c.component for c in candidates.values() if c.provenance is Provenance.ESTIMATED}
    named = estimated | set(Component) - set(SUMMED_COMPONENTS) | set(missing)
    stood_in_for = {n for c in candidates.values() for n in _devices(c, described)}
    read = {name for c in candidates.values() for name in lineage(c, described)}
    found = [
        channel.name
        for channel in described.values()
        if channel.name not in stood_in_for.union(known)
        and channel.provenance is not Provenance.ESTIMATED
        and (channel.component not in named or channel.is_feed)
        and _devices(channel, described) == [channel.name]
    ]
    covered = {channel.component for channel in candidates.values()} - named
    found += [
        refusal.leaves_unread
        for refusal in refused
        if refusal.component in covered and refusal.leaves_unread not in {"", *described, *read}
    ]
    return dict.fromkeys(found)  # each once, though both of two ways to read it were refused


def _devices(channel: Channel, described: Mapping[str, Channel]) -> list[str]:
    """A channel's lineage as far as it is described, without the board that contains devices."""
    outer = (described[name] for name in lineage(channel, described)[1:] if name in described)
    return [channel.name, *(c.name for c in outer if c.component in SUMMED_COMPONENTS)]
