"""When one probe is read: on absolute deadlines, on demand, and often for a while after a demand.

The last is for counters that change rarely. The energy at a boundary follows from the changes on
both sides of it, and a change is dated to between two readings: read ten times a second, a
counter that changes as often leaves the energy of a window two fifths less sure than read closely.
A window that is longer than ``CLOSE_NS`` is known well enough without.
"""

from dataclasses import dataclass

EXTRA_LOAD_FRACTION = 0.1
"""Readings on demand are spaced so that they take at most this part of the time."""
LONGEST_REST_NS = 500_000_000
"""The longest that readings on demand wait after a slow call, such as a hang of the driver."""
CLOSE_NS = 5_000_000_000
"""How long after a demand a counter is read closely: each boundary makes one."""
CLOSE_LOAD_FRACTION = 0.003
"""Close readings are spaced so that they take at most this part of the time; with the wake-ups that
is some half per cent of a processor."""


@dataclass(slots=True)
class Schedule:
    """Follows the readings of one probe; moments are of the run clock.

    ``close_period_ns``: between close readings, None where the probe gains nothing by them.
    """

    close_period_ns: int | None = None
    period_ns: int | None = None
    """Between deadlines; None: at rest."""
    missed_deadlines: int = 0
    _deadline_ns: int = 0
    _extra_ns: int = 0
    _settled_ns: int = 0
    _close_ns: int = 0
    _close_until_ns: int = 0

    def set_period(self, period_ns: int | None, now_ns: int) -> None:
        """Begin anew with other deadlines, the first of them now."""
        self.period_ns, self._deadline_ns = period_ns, now_ns

    def demand(self, now_ns: int, settles_ns: int = 0) -> None:
        """Close readings follow what was demanded now, to be read no sooner than it settles."""
        self._close_until_ns = now_ns + CLOSE_NS
        if settles_ns:
            self._settled_ns = max(self._settled_ns, now_ns + settles_ns)

    def is_settled(self, now_ns: int) -> bool:
        """Whether readings taken now can show what was demanded."""
        return now_ns >= self._settled_ns

    def due_ns(self, is_demanded: bool) -> int | None:
        """When to read next; None: not before a demand."""
        if self.period_ns is None:
            return self._demanded_ns if is_demanded else None
        due_ns = self._deadline_ns
        if is_demanded:
            due_ns = min(due_ns, self._demanded_ns)
        if self.close_period_ns is not None and self._close_ns < self._close_until_ns:
            due_ns = min(due_ns, self._close_ns)
        return due_ns

    def is_full_due(self, now_ns: int, is_demanded: bool) -> bool:
        """Whether every channel is due now, rather than the counters alone."""
        on_deadline = self.period_ns is not None and self._deadline_ns <= now_ns
        return on_deadline or (is_demanded and self._demanded_ns <= now_ns)

    @property
    def _demanded_ns(self) -> int:
        """When a reading on demand may be taken."""
        return max(self._extra_ns, self._settled_ns)

    def note_full_reading(self, begin_ns: int, end_ns: int) -> None:
        """Every channel was read: on the deadline if that had come, else on demand."""
        rest_ns = min(int((end_ns - begin_ns) / EXTRA_LOAD_FRACTION), LONGEST_REST_NS)
        self._extra_ns = end_ns + rest_ns
        if self.close_period_ns is not None:
            self._close_ns = max(self._close_ns, begin_ns + self.close_period_ns)
        if self.period_ns is not None and self._deadline_ns <= begin_ns:
            late = (end_ns - self._deadline_ns) // self.period_ns
            self.missed_deadlines += late
            self._deadline_ns += (late + 1) * self.period_ns

    def note_counter_reading(self, begin_ns: int, end_ns: int) -> None:
        """The counters alone were read."""
        rest_ns = min(int((end_ns - begin_ns) / CLOSE_LOAD_FRACTION), CLOSE_NS)
        self._close_ns = begin_ns + max(rest_ns, self.close_period_ns or 0)
