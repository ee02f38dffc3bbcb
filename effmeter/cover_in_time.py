"""Covers of windows in which channels show nothing for a while.

A counter may stand still, a sensor may go unread. For that stretch another channel of the device,
or an estimate of the component, takes its place, so that a total is pieced together from stretches
with different covers; a channel that nothing can stand in for stays, and its energy is bounded.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from effmeter.channel import Channel, Refusal
from effmeter.cover import (
    Cover,
    CoverStretch,
    choose_cover,
    covered_components,
    in_order,
    lineage,
)

Blind = Mapping[str, Sequence[tuple[int, int]]]
"""By channel, the stretches in which it shows nothing (ns)."""


def cover_over_time(
    channels: Iterable[Channel],
    known: Collection[str],
    refusals: Iterable[Refusal],
    unseen: Collection[str],
    blind: Blind,
    window_ns: tuple[int, int],
) -> Cover:
    """The cover of a window in which channels show nothing for a while.

    Another channel of the device, or an estimate of the component, takes the place of a blind
    channel for that stretch. A blind channel that nothing can stand in for stays in the cover.

    Args:
        channels: All channels, known or not.
        known: The names of those that have a figure in the window.
        refusals: As for ``choose_cover``.
        unseen: As for ``choose_cover``.
        blind: Where channels show nothing all the same.
        window_ns: Beginning and end, on the run clock.
    """
    candidates = _Candidates({c.name: c for c in channels}, set(known), tuple(refusals), unseen)
    whole = candidates.cover()
    covers: dict[frozenset[str], Cover] = {}
    stretches: list[CoverStretch] = []
    used: dict[str, Channel] = {}
    for begin_ns, blinded in _blindness(known, blind, window_ns):
        if blinded not in covers:
            covers[blinded] = candidates.without(blinded, whole)
        chosen = covers[blinded]
        used.update((channel.name, channel) for channel in chosen.channels)
        names = frozenset(chosen.names)
        if not stretches or stretches[-1].names != names:
            stretches.append(CoverStretch(begin_ns, names))
    if len(stretches) == 1:
        return next(iter(covers.values()))
    left_out = tuple((name, why) for name, why in whole.left_out if name not in used)
    summed = in_order(used.values())
    return replace(whole, channels=summed, left_out=left_out, stretches=tuple(stretches))


def _blindness(
    known: Collection[str], blind: Blind, window_ns: tuple[int, int]
) -> Iterator[tuple[int, frozenset[str]]]:
    """The moments at which other channels are blind than before, and which are so from there."""
    begin_ns, end_ns = window_ns
    edges: dict[int, list[tuple[str, int]]] = {begin_ns: []}
    for name in known:
        for first_ns, last_ns in blind.get(name, ()):
            first_ns, last_ns = max(first_ns, begin_ns), min(last_ns, end_ns)
            if first_ns < last_ns:
                edges.setdefault(first_ns, []).append((name, 1))
                edges.setdefault(last_ns, []).append((name, -1))
    depths: dict[str, int] = {}
    for moment_ns in sorted(edges):
        for name, change in edges[moment_ns]:
            depths[name] = depths.get(name, 0) + change
        if moment_ns < end_ns or moment_ns == begin_ns:
            yield moment_ns, frozenset(name for name, depth in depths.items() if depth > 0)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The channels that a window's total can sum."""

    described: Mapping[str, Channel]
    known: AbstractSet[str]
    refusals: Sequence[Refusal]
    unseen: Collection[str]

    def cover(self, without: AbstractSet[str] = frozenset()) -> Cover:
        """The cover over the known channels but for some."""
        known = self.known - without
        return choose_cover(self.described.values(), known, self.refusals, self.unseen)

    def without(self, blinded: AbstractSet[str], whole: Cover) -> Cover:
        """The cover without blind channels, but for those that nothing stands in for."""
        chosen = self.cover(blinded) if blinded else whole
        lost = set(chosen.partial) - set(whole.partial)
        covered = covered_components(chosen.channels)
        kept = {
            channel.name
            for channel in whole.channels
            if channel.name in blinded
            and (channel.component not in covered or lost & set(lineage(channel, self.described)))
        }
        return self.cover(blinded - kept) if kept else chosen
