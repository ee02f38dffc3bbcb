"""The driver's own buffer of power values, each with the moment at which it was taken.

``nvmlDeviceGetSamples(TOTAL_POWER_SAMPLES)`` shows the last values (119 on an H200, 20 ms apart),
stamped in microseconds of the wall clock. One call takes half a millisecond. The stamps are placed
on the run clock by an anchor taken at each call. Where the wall clock was set between two calls,
the values between them may be stamped by either setting, so they are dropped.

Source: NVIDIA, NVML API Reference, ``nvmlDeviceGetSamples``; the figures were measured.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from effmeter.channel import Channel
from effmeter.clock import Anchor, Clock
from effmeter.probes.base import Failure, Reading
from effmeter.probes.nvidia.fields import Refused, refused, sample_value

SAMPLES_CALL = "nvmlDeviceGetSamples(TOTAL_POWER_SAMPLES)"
STEP_NS = 2_000_000
"""A difference between two anchors that counts as a wall clock that was set, or is slewed fast."""
FRESH_NS = 500_000_000
"""How old the newest value can be."""
EARLY_NS = 5_000_000
"""How far a stamp can lie ahead of the clock: its rounding, and the time between two calls."""
WALL_CLOCK_SET = "the wall clock was set: the driver's time stamps are ambiguous"
NOT_WALL_CLOCK = "the driver's time stamps do not follow the wall clock"


class _Value(NamedTuple):
    """One value of the buffer: wall clock (us), power (mW)."""

    stamp_us: int
    power_mw: float


class PowerSamples:
    """The values that were added to the buffer of one GPU since the last call."""

    def __init__(self, nvml: Any, handle: Any, clock: Clock) -> None:
        self._nvml = nvml
        self._handle = handle
        self._clock = clock
        self._seen: frozenset[int] = frozenset()
        self._placed_ns = 0
        first = self._fetch()
        self.refused = first if isinstance(first, Refused) else None
        """Why the buffer cannot be read; None if it can."""
        self._anchor = clock.anchor()
        stamps_us = [] if isinstance(first, Refused) else [value.stamp_us for value in first]
        self.answers = len(stamps_us) > 1 and self._is_fresh(stamps_us[-1], self._anchor)
        """Whether there are values whose stamps follow the wall clock."""

    def readings(self, channel: Channel) -> Iterator[Reading]:
        """The new values in order (W), or why there are none."""
        shown = self._fetch()
        before, self._anchor = self._anchor, self._clock.anchor()
        now_ns = self._anchor.time_ns
        if isinstance(shown, Refused):
            yield _failure(channel, now_ns, f"{SAMPLES_CALL}: {shown.reason}")
            return
        new = [value for value in shown if value.stamp_us not in self._seen]
        # Kept beyond this call: after a wall clock was set back, old values look like new ones.
        self._seen = frozenset(value.stamp_us for value in shown)
        if not new:
            return
        if abs(_offset_ns(self._anchor) - _offset_ns(before)) > STEP_NS:
            yield _failure(channel, now_ns, WALL_CLOCK_SET)
        elif not self._is_fresh(new[-1].stamp_us, self._anchor):
            yield _failure(channel, now_ns, NOT_WALL_CLOCK)
        else:
            yield from self._place(channel, new)

    def _place(self, channel: Channel, values: Sequence[_Value]) -> Iterator[Reading]:
        offset_ns, latest_ns = _offset_ns(self._anchor), self._anchor.time_ns + EARLY_NS
        for stamp_us, power_mw in values:
            time_ns = stamp_us * 1000 - offset_ns
            if self._placed_ns < time_ns <= latest_ns:
                self._placed_ns = time_ns
                yield Reading(channel.name, time_ns, time_ns, power_mw * 1e-3)

    def _fetch(self) -> list[_Value] | Refused:
        """All values of the buffer that are figures, the oldest first."""
        nvml = self._nvml
        try:
            kind, samples = nvml.nvmlDeviceGetSamples(
                self._handle, nvml.NVML_TOTAL_POWER_SAMPLES, 0
            )
        except nvml.NVMLError as error:
            return [] if error.value == nvml.NVML_ERROR_NOT_FOUND else refused(error)
        values = [(s.timeStamp, sample_value(nvml, kind, s.sampleValue)) for s in samples]
        return [_Value(us, mw) for us, mw in values if us and not isinstance(mw, Refused)]

    @staticmethod
    def _is_fresh(stamp_us: int, anchor: Anchor) -> bool:
        """Whether the newest stamp fits the wall clock."""
        return -EARLY_NS <= anchor.wall_ns - stamp_us * 1000 <= FRESH_NS


def _offset_ns(anchor: Anchor) -> int:
    """What the wall clock shows less the run clock."""
    return anchor.wall_ns - anchor.time_ns


def _failure(channel: Channel, now_ns: int, reason: str) -> Reading:
    return Reading(channel.name, now_ns, now_ns, Failure(reason))
