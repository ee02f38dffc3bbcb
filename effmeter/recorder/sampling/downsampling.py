"""Downsampling: the readings that one recording keeps where faster ones cause more."""

from collections.abc import Iterable
from dataclasses import replace

from effmeter.channel import Channel, Kind
from effmeter.recorder.sampling.ingest import Sample
from effmeter.recorder.sampling.schedule import CLOSE_NS

COARSE_REFRESH_S = 0.05
"""A counter that changes this rarely keeps every reading near a boundary."""


class Downsampler:
    """Follows each channel from reading to reading; times are of the run clock.

    ``cap_hz``: the most readings per second that the user may have; None: no cap.
    """

    def __init__(self, period_s: float, begin_ns: int, cap_hz: float | None = None) -> None:
        self.is_needed = cap_hz is not None
        """Whether there may be readings that are not kept."""
        self._period_ns = int(period_s * 1e9)
        self._begin_ns = begin_ns
        self._slot_ns = 0 if cap_hz is None else int(1e9 / cap_hz)
        self._is_sampled_faster = False
        self._slots: dict[str, int] = {}
        self._due_ns: dict[str, int] = {}
        self._wanted: set[str] = set()
        self._coarse: set[str] = set()
        self._close_until_ns = 0

    def introduce(self, channel: Channel) -> None:
        """Describe a channel before its first reading."""
        if channel.kind is Kind.COUNTER and channel.refresh_s >= COARSE_REFRESH_S:
            self._coarse.add(channel.name)

    def set_needed(self, faster: bool) -> None:
        """Whether the sampling is faster than this recording asked for."""
        self._is_sampled_faster = faster
        self.is_needed = faster or self._slot_ns > 0

    def keep_next(self, channels: Iterable[str], now_ns: int) -> None:
        """Keep the next reading of these channels whenever it comes: it is at a boundary."""
        self._wanted.update(channels)
        self._close_until_ns = now_ns + CLOSE_NS

    def keeps(self, seen: Sample) -> bool:
        """Whether this recording keeps a reading: it is due, or at a mark."""
        if self._slot_ns and not self._is_first_of_slot(seen):
            return self._pop_wanted(seen)
        is_close = seen.channel in self._coarse and seen.time_ns < self._close_until_ns
        if is_close or not self._is_sampled_faster:
            return True
        due_ns = self._due_ns.get(seen.channel, 0)
        if seen.time_ns < due_ns:
            return self._pop_wanted(seen)
        self._wanted.discard(seen.channel)
        is_late = seen.time_ns >= due_ns + self._period_ns
        self._due_ns[seen.channel] = (seen.time_ns if is_late else due_ns) + self._period_ns
        return True

    def _is_first_of_slot(self, seen: Sample) -> bool:
        """All recordings of a capped user take the same readings: together they get no more.

        What is left of the slot that a recording begins in is therefore passed over.
        """
        slot = seen.time_ns // self._slot_ns
        earlier = self._slots.get(seen.channel, self._begin_ns // self._slot_ns)
        self._slots[seen.channel] = slot
        return slot != earlier

    def _pop_wanted(self, seen: Sample) -> bool:
        wanted = seen.channel in self._wanted
        self._wanted.discard(seen.channel)
        return wanted


class SlotMeans:
    """Means of stamped power values over the slots of a capped user, one for each slot.

    The first of several values would leave most of the time unseen; their mean sees all of it.
    """

    def __init__(self, begin_ns: int, cap_hz: float) -> None:
        self._slot_ns = int(1e9 / cap_hz)
        self._begin_ns = begin_ns
        self._taken: dict[str, list[Sample]] = {}

    def describe(self, channel: Channel) -> Channel:
        """The channel whose values are such means."""
        slot_s = max(self._slot_ns * 1e-9, channel.refresh_s)
        return replace(channel, refresh_s=slot_s, window_s=max(slot_s, channel.window_s))

    def take(self, seen: Sample) -> Sample | None:
        """Take a value; the mean of the slot before, dated at its middle, if that is over."""
        slot = seen.time_ns // self._slot_ns
        taken = self._taken.setdefault(seen.channel, [])
        if not taken or taken[0].time_ns // self._slot_ns == slot:
            taken.append(seen)
            return None
        self._taken[seen.channel] = [seen]
        if taken[0].time_ns // self._slot_ns == self._begin_ns // self._slot_ns:
            return None  # other recordings of the user have the whole slot
        power_w = sum(one.power_w or 0.0 for one in taken) / len(taken)
        time_ns = sum(one.time_ns for one in taken) // len(taken)
        return taken[0]._replace(time_ns=time_ns, power_w=power_w)
