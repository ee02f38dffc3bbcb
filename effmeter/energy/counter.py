"""Counters that wrap, reset, step back and freeze, turned into energy since the first reading.

A step is plausible up to ``max_power_w * (dt + refresh_s) + resolution``: two readings 10 us
apart may straddle a whole refresh. ``dt`` counts from the last change, since a counter that was
late to refresh catches up in one step. A small step back (no more than one refresh
can hold, and less than half of the count) is jitter and adds nothing; any other is a reset, and
what was used between the two readings is then unknown and bounded.
"""

import math
from dataclasses import dataclass

from effmeter.channel import Channel

DEFAULT_MAX_POWER_W = 5000.0
"""Taken where a device names no limit: more than any one socket or accelerator draws."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A stretch whose energy a counter did not show.

    ``hidden_j`` is the most that can have been used there beyond what was counted.
    """

    begin_ns: int
    end_ns: int
    reason: str
    hidden_j: float


@dataclass(frozen=True, slots=True)
class CounterLimits:
    """What bounds the steps of a counter."""

    unit_j: float
    modulus: int | None
    max_power_w: float
    refresh_s: float

    @classmethod
    def of(cls, channel: Channel) -> "CounterLimits":
        """The limits that a channel's description states."""
        power_w = DEFAULT_MAX_POWER_W if channel.max_power_w is None else channel.max_power_w
        return cls(channel.unit_j, channel.modulus, power_w, channel.refresh_s)

    def plausible_j(self, elapsed_ns: int) -> float:
        """The most that the counter can have advanced between two readings."""
        return self.max_power_w * (elapsed_ns * 1e-9 + self.refresh_s) + self.unit_j


class Counter:
    """Follows one counter; answers each reading with the energy since the first, in joules."""

    def __init__(self, limits: CounterLimits) -> None:
        self._limits = limits
        self._end = math.inf if limits.modulus is None else limits.modulus
        self._most_per_ns = limits.max_power_w * 1e-9 / limits.unit_j
        turn_s = self._end * limits.unit_j / limits.max_power_w
        self._surely_unwrapped_ns = (turn_s - limits.refresh_s) * 5e8
        """Readings closer than half of what a whole turn takes cannot hide one."""
        self._counted = 0
        self._last: tuple[int, int] | None = None
        self._changed_ns = 0
        self._outlier: tuple[int, int] | None = None
        self._held = False
        self.loss: Loss | None = None
        """What the last reading showed to be lost, if anything."""

    def update(self, time_ns: int, raw: int) -> float | None:
        """Energy since the first reading (J); None where this reading cannot be believed.

        After each call ``loss`` holds what the step may hide, if anything.
        """
        self.loss = None
        if self._last is None:
            self._last = (time_ns, raw)
            self._changed_ns = time_ns
            return 0.0
        last_ns, last_raw = self._last
        elapsed_ns, rise = time_ns - last_ns, raw - last_raw
        is_usual = 0 <= rise <= elapsed_ns * self._most_per_ns and raw < self._end
        if is_usual and elapsed_ns < self._surely_unwrapped_ns:
            return self._advance(time_ns, raw, rise)
        step = self._step(last_raw, raw, time_ns - self._changed_ns)
        if step is None:
            return self._outlying(time_ns, raw)
        if step < 0:
            return self._hold(last_ns, time_ns)
        self._note_ambiguous_wraps(last_ns, time_ns, step)
        return self._advance(time_ns, raw, step)

    def _step(self, before: int, after: int, elapsed_ns: int) -> int | None:
        """Units from one raw value to the next; negative for jitter, None if implausible."""
        modulus = self._limits.modulus
        step = after - before
        if modulus is not None and (after >= modulus or after < 0):
            return None
        bound = self._limits.plausible_j(elapsed_ns) / self._limits.unit_j
        if 0 <= step <= bound:
            return step
        if step < 0 and modulus is not None and step + modulus <= bound:
            return step + modulus
        jitter = self._limits.plausible_j(0) / self._limits.unit_j
        return step if -jitter <= step < 0 and 2 * after > before else None

    def _hold(self, last_ns: int, time_ns: int) -> float:
        """Stay at the highest value seen until the counter passes it; said once."""
        if not self._held:
            self.loss = Loss(last_ns, time_ns, "the counter stepped back", 0.0)
        self._held = True
        return self._counted * self._limits.unit_j

    def _advance(self, time_ns: int, raw: int, step: int) -> float:
        self._last = (time_ns, raw)
        self._changed_ns = time_ns if step else self._changed_ns
        self._outlier = None
        self._held = False
        self._counted += step
        return self._counted * self._limits.unit_j

    def _outlying(self, time_ns: int, raw: int) -> float | None:
        """A value out of line: garbage if it stays alone, a reset if the next one agrees."""
        assert self._last is not None
        if self._outlier is not None:
            outlier_ns, outlier_raw = self._outlier
            step = self._step(outlier_raw, raw, time_ns - outlier_ns)
            if step is not None and step >= 0:
                hidden_j = self._limits.plausible_j(outlier_ns - self._changed_ns)
                self.loss = Loss(self._last[0], outlier_ns, "the counter was reset", hidden_j)
                return self._advance(time_ns, raw, step)
        self._outlier = (time_ns, raw)
        return None

    def _note_ambiguous_wraps(self, last_ns: int, time_ns: int, step: int) -> None:
        modulus, unit_j = self._limits.modulus, self._limits.unit_j
        if modulus is None or time_ns - last_ns < self._surely_unwrapped_ns:
            return
        unseen_wraps = int((self._limits.plausible_j(time_ns - last_ns) / unit_j - step) // modulus)
        if unseen_wraps > 0:
            reason = "the counter may have wrapped unseen"
            self.loss = Loss(last_ns, time_ns, reason, unseen_wraps * modulus * unit_j)
