"""The zones that are open, and those among them that repeat another's counter."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from effmeter.channel import Component
from effmeter.probes.rapl.identity import Counted, Pair, Pause, Verdict, compare
from effmeter.probes.rapl.processor import Processor
from effmeter.probes.rapl.zone_counter import ZoneCounter
from effmeter.probes.rapl.zones import SCOPES, Zone, dram_of

_PART = re.compile(r"(cpu|dram)(\d+)(-die\d+)?(-\w+)?")
_UNDECIDED = (Verdict.TOO_SOON, Verdict.TOO_RARE)
_LOOKS_AT_REST = 3
"""Each takes a fifth of a second, in which no zone is read."""
_LISTED = 3


@dataclass(frozen=True, slots=True)
class OpenZone:
    """A zone, its open counter, and where that starts again."""

    zone: Zone
    counter: ZoneCounter
    modulus: int | None


class Mirrors:
    """Decides for each zone whether it is a channel of its own.

    Zones are named by the channel that they would be (``cpu0-die1``). Packages and memories are
    compared by their counts. Where these cannot decide, dies of one package are one counter on
    processors that count by package; otherwise the zones stay apart, and ``may_repeat`` says so.
    """

    def __init__(self, processor: Processor, now_ns: Callable[[], int], pause: Pause) -> None:
        self._processor = processor
        self._now_ns = now_ns
        self._pause = pause
        self._open: dict[str, OpenZone] = {}
        self._leaders: dict[str, str] = {}
        """Zones that repeat another, and which."""
        self._repeats: dict[str, list[str]] = {}
        """What the kernel calls the zones that repeat another, by the other."""
        self._shown: dict[str, str] = {}
        self._admitted: set[str] = set()
        """Zones that are channels."""
        self._settled: set[Pair] = set()
        self._looks: Counter[Pair] = Counter()
        self._undecided: dict[str, str] = {}
        self._found_later: dict[str, str] = {}

    @property
    def names(self) -> frozenset[str]:
        """All zones that are read, or that repeat one that is, with all parts of the latter."""
        parts = (f"{name}-{part}" for name in self._leaders for part in SCOPES)
        return frozenset(self._open).union(self._leaders, parts)

    def knows(self, name: str) -> bool:
        """Whether a zone is read, or repeats one that is."""
        return name in self._open or name in self._leaders or self._sibling(name) is not None

    def forget(self, name: str) -> None:
        """Treat a zone as never seen."""
        del self._open[name]
        self._admitted.discard(name)

    def admit(self, opened: dict[str, OpenZone]) -> dict[str, OpenZone]:
        """Those of the zones just opened that are channels; the counters of others are closed."""
        self._open |= opened
        if opened or self._undecided:
            self._decide(_names(self._open, Component.CPU), self._is_one_package)
            self._decide(_names(self._open, Component.RAM), self._is_memory_of_one_package)
        for name, found in opened.items():
            if found.zone.name in SCOPES and found.zone.package in self._leaders:
                leader = self._leaders[found.zone.package]
                self._merge(name, f"{leader}-{found.zone.name}")
        for name in _names(self._open, Component.CPU):
            self._shown.setdefault(name, self._name_of_package(name))
        self._admitted.update(self._open)
        return {name: found for name, found in opened.items() if name in self._open}

    def shown_name(self, name: str) -> str:
        """The channel that shows a zone: ``cpu0`` where all dies of package 0 are one counter."""
        name = self._leaders.get(name, name)
        part = _PART.fullmatch(name)
        if part is None:
            return name
        kind, number, die, inner = part.groups(default="")
        package = f"cpu{number}{die}"
        if package in self._leaders:  # memory that counts by itself though its package does not
            return name
        otherwise = f"cpu{number}" if self._processor.counts_per_package else package
        shown = self._shown.get(package, otherwise)
        return (dram_of(shown) if kind == "dram" else shown) + inner

    def repeated_by(self, channel: str) -> str:
        """The other zones that show a channel's counter, in words; empty where there are none."""
        names = next((n for z, n in self._repeats.items() if self.shown_name(z) == channel), [])
        more = len(names) - _LISTED
        if more < 2:
            return ", ".join(names)
        return f"{', '.join(names[:_LISTED])} and {more} more"

    def may_repeat(self, channel: str) -> str:
        """The channel whose counter this one may show again; empty where it shows its own."""
        pairs = ((self.shown_name(z), self.shown_name(a)) for z, a in self._undecided.items())
        return next((leader for name, leader in pairs if name == channel), "")

    def found_later_in(self, channel: str) -> str | None:
        """The channel that one of the channels was found to repeat only after it became one."""
        return self._found_later.get(channel)

    def _decide(self, names: list[str], is_one: Callable[[str, str, Verdict], bool]) -> None:
        """Compare zones of one kind, each with those before it."""
        counted = [Counted(n, self._open[n].modulus, self._open[n].counter.read) for n in names]
        verdicts = compare(counted, self._now_ns, self._pause, self._settled)
        self._settled.update(pair for pair, v in verdicts.items() if self._is_final(pair, v))
        for (leader, name), verdict in verdicts.items():
            if leader not in self._open or name not in self._open:
                continue
            if verdict is Verdict.SAME or is_one(leader, name, verdict):
                self._merge(name, leader)
            elif verdict in _UNDECIDED:
                self._undecided.setdefault(name, leader)
            elif self._undecided.get(name) == leader:
                del self._undecided[name]

    def _is_final(self, pair: Pair, verdict: Verdict) -> bool:
        """Whether to compare a pair no more; one that stands still is given a few looks."""
        if verdict is Verdict.TOO_RARE:
            self._looks[pair] += 1
            return self._looks[pair] >= _LOOKS_AT_REST
        return verdict is not Verdict.TOO_SOON

    def _merge(self, name: str, leader: str) -> None:
        """A zone repeats another: it is dropped or, where it is a channel already, contained."""
        self._undecided.pop(name, None)
        if name in self._admitted:
            self._settled.add((leader, name))
            self._found_later[self.shown_name(name)] = self.shown_name(leader)
            return
        repeated = self._open.pop(name)
        repeated.counter.close()
        self._leaders[name] = leader
        zone = repeated.zone
        what = zone.name if zone.package is None else f"{zone.name} of {zone.package}"
        self._repeats.setdefault(leader, []).append(what)

    def _is_one_package(self, one: str, other: str, verdict: Verdict = Verdict.UNCOUNTED) -> bool:
        """Whether the processor makes two zones one; cores may show a counter a little late."""
        of_one = self._processor.counts_per_package and _number(one) == _number(other)
        return of_one and verdict is not Verdict.FAR

    def _is_memory_of_one_package(self, one: str, other: str, verdict: Verdict) -> bool:
        if verdict in (Verdict.APART, Verdict.FAR):
            return False
        packages = [self._open[name].zone.package or "" for name in (one, other)]
        return len({self._leaders.get(package, package) for package in packages}) == 1

    def _sibling(self, name: str) -> str | None:
        """An open zone of which a package's die is known to be a part."""
        packages = _names(self._open, Component.CPU)
        return next((p for p in packages if p != name and self._is_one_package(p, name)), None)

    def _name_of_package(self, name: str) -> str:
        """``cpu0`` instead of ``cpu0-die0`` where that zone shows the whole package."""
        whole = f"cpu{_number(name)}"
        if whole in self._open:
            return name
        others = [p for p in _names(self._open, Component.CPU) if _number(p) == _number(name)]
        is_whole = name in self._repeats or self._processor.counts_per_package
        return whole if is_whole and others == [name] else name


def _names(zones: Iterable[str], component: Component) -> list[str]:
    """The whole packages, or the memories, among zones."""
    kind = "cpu" if component is Component.CPU else "dram"
    return [n for n in zones if (part := _PART.fullmatch(n)) and part[1] == kind and not part[4]]


def _number(package: str) -> str | None:
    part = _PART.fullmatch(package)
    return part[2] if part is not None and not part[4] and part[1] == "cpu" else None
