"""Tells an energy counter that counts from one that stands still while the GPU draws power.

Some drivers show a counter that never moves (MI100, guests of a virtual machine) or that stops
in mid-run. Taken as it is, it would say that nothing was used. A counter in units of 15 uJ moves
at every refresh of a GPU that draws a watt, so one that does not is not believed: it is a
failure, and the power gauge beside it carries the GPU.
"""

from effmeter.probes.base import Failure

STILL_NS = 300_000_000
"""Three refresh periods: a counter of a GPU that draws power moves well within this."""
ASLEEP_W = 1.0
"""A GPU that draws less is switched off, and its counter may rest."""
CAUGHT_UP_FRACTION = 0.5
"""A counter that moves on after a standstill counted through it if it shows at least this share
of what the gauge saw; gauges lag, so that no more can be asked."""
REST_NS = 10_000_000_000
"""After so long without a look nothing is concluded from what was seen before it."""
UNPROVEN = "the counter has not moved since it was first read"


class CounterWatch:
    """Judges each count of one counter beside the power that was read with it.

    It starts with a first look at the counter, which is never reported.
    """

    def __init__(self, time_ns: int, count: int, unit_j: float) -> None:
        self._unit_j = unit_j
        self._count = count
        self._moved_ns = self._seen_ns = time_ns
        self._power_w: float | None = None
        self._drawn_j = 0.0
        self._doubted = False
        self._broken: Failure | None = None
        self.proven = False
        """Whether it has ever moved."""

    def judge(self, time_ns: int, count: int, power_w: float | None) -> int | Failure:
        """The count if it can be believed, else why not; ``power_w`` None: the gauge fails."""
        self._draw(time_ns, power_w)
        if self._broken is not None:
            return self._broken
        if count != self._count:
            return self._move(time_ns, count)
        if not self.proven:
            return Failure(f"{UNPROVEN}{_while_drawing(power_w)}")
        if time_ns - self._moved_ns > STILL_NS and not _is_asleep(power_w):
            self._doubted = True
            return Failure(f"the counter stands still{_while_drawing(power_w)}")
        return count

    def _draw(self, time_ns: int, power_w: float | None) -> None:
        """Follow the least that the gauge shows to be used since the counter last moved."""
        elapsed_ns, self._seen_ns = time_ns - self._seen_ns, time_ns
        before_w, self._power_w = self._power_w, power_w
        if _is_asleep(power_w):
            self._drawn_j, self._doubted = 0.0, False
        elif elapsed_ns > REST_NS:
            self._moved_ns = self._moved_ns if self._doubted else time_ns
        elif power_w is not None and before_w is not None:
            self._drawn_j += min(before_w, power_w) * elapsed_ns * 1e-9

    def _move(self, time_ns: int, count: int) -> int | Failure:
        """A step; one after a standstill must show what was drawn meanwhile."""
        counted_j = (count - self._count) * self._unit_j
        if self._doubted and 0 <= counted_j < CAUGHT_UP_FRACTION * self._drawn_j:
            missed = f"{counted_j:.3g} J for the {self._drawn_j:.3g} J that the gauge saw"
            self._broken = Failure(f"the counter stood still and then showed {missed}")
            return self._broken
        self._count, self._moved_ns = count, time_ns
        self._drawn_j, self._doubted, self.proven = 0.0, False, True
        return count


def _is_asleep(power_w: float | None) -> bool:
    return power_w is not None and power_w < ASLEEP_W


def _while_drawing(power_w: float | None) -> str:
    if power_w is None:
        return " and no gauge tells whether the GPU draws power"
    return "" if _is_asleep(power_w) else f" while the GPU draws {power_w:.3g} W"
