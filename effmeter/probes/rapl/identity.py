"""Which zones show one and the same counter, decided by what they count.

Linux may list one counter under several names: a zone for each core die of an AMD package
(Linux 6.10 and 6.11), two dies of one package, packages of a guest that are its virtual CPUs.
Such mirrors agree to within a refresh at every reading, while two real counters started with
their machine and have counted different energies since. So counts decide where they are far from
their last reset; powers never do, because two idle dies may draw the same.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations, pairwise

from effmeter.probes.base import Failure

MOVED_READINGS = 20
"""How many refreshes of both counters must have been compared."""
SETTLED_S = 20.0
"""How long ago, at the present power, a counter must have begun. Dies whose powers differ by a
thousandth are 20 refreshes of a millisecond apart by then."""
NEAR_UJ = 50_000_000
"""Counts further apart are of two counters: no refresh adds 50 J."""
_ROUND_S = 0.001
_MOST_ROUNDS = 1000
_STILL_ROUNDS = 200
"""After so many rounds without a change the counter stands still, or rests."""

_EARLY_LOOKS = (7, 31, 127)
"""Rounds after which counters that have parted already are passed over."""

Pause = Callable[[float], None]
"""Waits for seconds."""


class Verdict(Enum):
    """Whether two names are of one counter."""

    SAME = "they show one counter"
    APART = "they show two counters"
    FAR = "they show two counters, whose counts are far apart"
    TOO_SOON = "they count alike, but began too short a time ago to tell"
    TOO_RARE = "they count alike, but change too rarely to tell"
    UNCOUNTED = "neither has counted anything"


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter to be compared with others of its kind."""

    name: str
    modulus: int | None
    read: Callable[[], int | Failure]


Pair = tuple[str, str]


def compare(
    counters: Sequence[Counted],
    now_ns: Callable[[], int],
    pause: Pause = time.sleep,
    settled: Iterable[Pair] = (),
) -> dict[Pair, Verdict]:
    """A verdict for each pair of counters, in their order, but for those in ``settled``.

    Reads them about 25 times in 25 ms where any two are near each other, otherwise once.
    """
    first = {counter.name: counter.read() for counter in counters}
    known = set(settled)
    verdicts: dict[Pair, Verdict] = {}
    near: list[tuple[Counted, Counted]] = []
    for one, other in combinations(counters, 2):
        pair = (one.name, other.name)
        if pair in known:
            continue
        counts = first[one.name], first[other.name]
        if one.modulus == other.modulus and counts == (0, 0):
            verdicts[pair] = Verdict.UNCOUNTED
        elif one.modulus != other.modulus or not _is_near(*counts, one.modulus):
            verdicts[pair] = Verdict.FAR
        else:
            near.append((one, other))
    return verdicts | _burst(near, now_ns, pause)


def _is_near(one: int | Failure, other: int | Failure, modulus: int | None) -> bool:
    if isinstance(one, Failure) or isinstance(other, Failure) or 0 in (one, other):
        return False
    return abs(_difference(other, one, modulus)) <= NEAR_UJ


@dataclass(slots=True)
class _Track:
    """The successive counts of one counter, with no wrap in them."""

    counter: Counted
    counts: list[int]
    moved: int = 0

    def read(self) -> bool:
        """Take one more reading; false if it failed."""
        shown = self.counter.read()
        if isinstance(shown, Failure):
            return False
        step = _difference(shown, self.counts[-1], self.counter.modulus) if self.counts else 0
        self.counts.append(self.counts[-1] + step if self.counts else shown)
        self.moved += step != 0
        return True


def _burst(
    pairs: Sequence[tuple[Counted, Counted]], now_ns: Callable[[], int], pause: Pause
) -> dict[Pair, Verdict]:
    """Read the counters of these pairs side by side until each pair is decided."""
    tracks = {c.name: _Track(c, []) for pair in pairs for c in pair}
    open_pairs = {(one.name, other.name) for one, other in pairs}
    verdicts: dict[Pair, Verdict] = {}
    begin_ns = now_ns()
    for number in range(_MOST_ROUNDS):
        broken = {name for name, track in tracks.items() if not track.read()}
        for pair in sorted(open_pairs):
            verdict = _verdict(tracks, pair, broken, number, (now_ns() - begin_ns) * 1e-9)
            if verdict is not None:
                verdicts[pair] = verdict
                open_pairs.discard(pair)
        if not open_pairs:
            return verdicts
        pause(_ROUND_S)
    return verdicts | dict.fromkeys(open_pairs, Verdict.TOO_RARE)


def _verdict(
    tracks: dict[str, _Track], pair: Pair, broken: set[str], number: int, passed_s: float
) -> Verdict | None:
    """The verdict on a pair after a round; None: further rounds are needed."""
    one, other = (tracks[name] for name in pair)
    if not broken.isdisjoint(pair):
        return Verdict.APART
    moved = min(one.moved, other.moved)
    is_last = moved >= MOVED_READINGS + 2
    if is_last or number in _EARLY_LOOKS:
        offset = _difference(other.counts[0], one.counts[0], one.counter.modulus)
        aligned = [count - other.counts[0] + one.counts[0] + offset for count in other.counts]
        if not _agree(one.counts, aligned):
            return Verdict.APART
    if is_last:
        return Verdict.SAME if _age_s(one.counts, passed_s) >= SETTLED_S else Verdict.TOO_SOON
    return Verdict.TOO_RARE if moved == 0 and number >= _STILL_ROUNDS else None


def _age_s(counts: Sequence[int], passed_s: float) -> float:
    """How long ago the counter began, at the power of the burst."""
    counted = counts[-1] - counts[0]
    return counts[0] * passed_s / counted if counted > 0 else 0.0


def _agree(counts: Sequence[int], others: Sequence[int]) -> bool:
    """Whether each of ``others`` lies within one refresh of the count read beside it.

    That is between the last different count before it and the next one after it; readings for
    which either is unknown are passed over.
    """
    lows, highs = _last_different(counts), _last_different(counts[::-1])[::-1]
    return all(
        low <= other <= high
        for low, other, high in zip(lows, others, highs, strict=True)
        if low is not None and high is not None
    )


def _last_different(counts: Sequence[int]) -> list[int | None]:
    """For each count the last one before it that was different."""
    found: list[int | None] = [None]
    for before, count in pairwise(counts):
        found.append(before if count != before else found[-1])
    return found


def _difference(after: int, before: int, modulus: int | None) -> int:
    """How far one count is after another, the shorter way round."""
    if modulus is None:
        return after - before
    return (after - before + modulus // 2) % modulus - modulus // 2
