"""Clocks, temperatures, limits and throttling while something is recorded.

A limit or a governor is kept where it changes. What moves all the time is kept as averages: over
``WINDOW_NS`` at least, and over as many such windows as differ by no more than a threshold. A run
at a steady clock has two rows of it; one whose clock never rests has one every ten seconds. The
first ten seconds have shorter windows, so that a short run shows a change too.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from effmeter.channel import Condition
from effmeter.clock import Clock
from effmeter.probes.base import ConditionedDevices, Conditions
from effmeter.recorder.observers.observer import Cadence

CADENCE = Cadence(settle_s=0.1, period_s=1.0, longest_s=10.0, load_fraction=0.0005)
WINDOW_NS = 10_000_000_000
FIRST_WINDOWS_NS = 2_000_000_000
"""The length of the windows in the first ``WINDOW_NS``. Of throttling, which is a part of the time,
two looks tell nothing: it has none."""


class ConditionsSnapshot(NamedTuple):
    """What was seen at one moment, by device."""

    time_ns: int
    devices: Mapping[str, Conditions]


class ConditionChange(NamedTuple):
    """A row of a condition: a level from now on, or an average since the row before it."""

    time_ns: int
    device: str
    condition: Condition
    value: float | None
    text: str | None = None
    """The reason of throttling; a governor."""


class ConditionsObserver:
    """Takes snapshots; a source that fails is left out."""

    def __init__(self, look: Callable[[], Mapping[str, Conditions]], clock: Clock) -> None:
        self._look = look
        self._clock = clock

    def observe(self, _has_joined: bool = False) -> ConditionsSnapshot:
        """One snapshot."""
        devices = dict(self._look())
        return ConditionsSnapshot(self._clock.now_ns(), devices)


@dataclass(slots=True)
class _Mean:
    """An average of looks."""

    total: float = 0.0
    looks: int = 0

    @property
    def value(self) -> float:
        return self.total / self.looks

    def add(self, other: "_Mean") -> None:
        self.total += other.total
        self.looks += other.looks


@dataclass(slots=True)
class _Course:
    """One averaged quantity: the stretch since the last row, and the window that is filled now."""

    condition: Condition
    began_ns: int
    window_begin_ns: int
    stretch: _Mean = field(default_factory=_Mean)
    window: _Mean = field(default_factory=_Mean)

    def take(self, time_ns: int, value: float) -> tuple[int, float] | None:
        """Add a look; the end and the average of a stretch that it ends."""
        ended = None
        if time_ns - self.window_begin_ns >= self._window_ns:
            ended = self._close_window()
            self.window_begin_ns = time_ns
        self.window.add(_Mean(value, 1))
        return ended

    @property
    def _window_ns(self) -> int:
        is_young = self.window_begin_ns - self.began_ns < WINDOW_NS
        has_short = is_young and self.condition is not Condition.THROTTLED
        return FIRST_WINDOWS_NS if has_short else WINDOW_NS

    def finish(self, time_ns: int) -> Iterator[tuple[int, float]]:
        """The stretches up to the end."""
        ended = self._close_window() if self.window.looks else None
        if ended is not None:
            yield ended
        if self.stretch.looks:
            yield time_ns, self.stretch.value

    def _close_window(self) -> tuple[int, float] | None:
        window, self.window = self.window, _Mean()
        ended = None
        if self.stretch.looks and self.condition.differs(self.stretch.value, window.value):
            ended = (self.window_begin_ns, self.stretch.value)
            self.stretch = _Mean()
        self.stretch.add(window)
        return ended


_Key = tuple[str, Condition, str | None]


@dataclass(slots=True)
class ConditionsLog:
    """Follows the conditions of one recording's devices; tells what its file keeps."""

    _levels: dict[tuple[str, Condition], float | str] = field(default_factory=dict)
    _courses: dict[_Key, _Course] = field(default_factory=dict)

    def changes(self, seen: ConditionsSnapshot) -> Iterator[ConditionChange]:
        """The levels that have changed, and the averages of stretches that have ended."""
        for device, conditions in seen.devices.items():
            for condition, value in conditions.values.items():
                if isinstance(value, float) and condition.is_averaged:
                    yield from self._average(seen.time_ns, (device, condition, None), value)
                elif self._levels.get((device, condition)) != value:
                    self._levels[device, condition] = value
                    is_text = isinstance(value, str)
                    number, text = (None, str(value)) if is_text else (float(value), None)
                    yield ConditionChange(seen.time_ns, device, condition, number, text)
            for reason, share in conditions.throttled.items():
                key = (device, Condition.THROTTLED, reason)
                yield from self._average(seen.time_ns, key, share)

    def finish(self, time_ns: int) -> Iterator[ConditionChange]:
        """The averages of the stretches that end with the recording."""
        for (device, condition, reason), course in self._courses.items():
            for end_ns, mean in course.finish(time_ns):
                yield ConditionChange(end_ns, device, condition, mean, reason)

    def _average(self, time_ns: int, key: _Key, value: float) -> Iterator[ConditionChange]:
        device, condition, reason = key
        course = self._courses.get(key)
        if course is None:
            course = self._courses[key] = _Course(condition, time_ns, time_ns)
            # The first look is a row of its own: a recorder that is killed has written it.
            yield ConditionChange(time_ns, device, condition, value, reason)
        ended = course.take(time_ns, value)
        if ended is not None:
            yield ConditionChange(ended[0], device, condition, ended[1], reason)


def device_conditions(sources: Iterable[object]) -> Callable[[], Mapping[str, Conditions]]:
    """Asks every source that shows conditions, looked up at each call; one that fails is silent."""

    def look() -> dict[str, Conditions]:
        found: dict[str, Conditions] = {}
        for source in sources:
            # Conditions are context: a source that fails must not hide those of the others.
            with contextlib.suppress(Exception):
                if isinstance(source, ConditionedDevices):
                    found.update(source.conditions())
        return found

    return look
