"""What of a recording lies in the window of one of its runs."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from effmeter.recorded.records import Contention


class _Stretch(Protocol):
    @property
    def begin_ns(self) -> int: ...

    @property
    def end_ns(self) -> int: ...


S = TypeVar("S", bound=_Stretch)


def touching(stretches: Iterable[S], begin_ns: int, end_ns: int) -> tuple[S, ...]:
    """The stretches that share a moment with a window."""
    return tuple(s for s in stretches if s.end_ns > begin_ns and s.begin_ns < end_ns)


def contentions_in(
    contentions: Iterable[Contention], begin_ns: int, end_ns: int
) -> tuple[Contention, ...]:
    """How others used the devices in a window: as counted within it, and last before it."""
    before: dict[str | None, Contention] = {}
    inside = []
    for seen in contentions:
        if seen.time_ns <= begin_ns:
            before[seen.channel] = seen
        elif seen.time_ns < end_ns:
            inside.append(seen)
    return (*before.values(), *inside)
