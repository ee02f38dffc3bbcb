"""The conditions of a run's devices as text: a line for each device where they changed."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from effmeter.channel import PROCESSORS, Component, Condition
from effmeter.cover import Cover
from effmeter.recorded.conditions import Level, RecordedCondition
from effmeter.recorded.run import RecordedRun
from effmeter.units import format_duration, format_frequency, format_power

_NOTICED_THROTTLED_FRACTION = 0.01
_MOST_CHANGES = 3
"""More changes of one condition are counted, not listed."""
_NAMES = {
    Condition.CLOCK: "clock",
    Condition.MEMORY_CLOCK: "memory clock",
    Condition.POWER_LIMIT: "power limit",
    Condition.CLOCK_LIMIT: "clock limit",
    Condition.GOVERNOR: "governor",
    Condition.BOOST: "boost",
}


def condition_lines(run: RecordedRun, cover: Cover) -> Iterator[tuple[str, str]]:
    """Each device of the total whose conditions changed, with what changed."""
    conditions = sorted(run.conditions, key=lambda seen: seen.device)
    for device, of_device in groupby(conditions, key=lambda seen: seen.device):
        parts = list(_parts(list(of_device), run)) if _is_counted(device, cover) else []
        if parts:
            yield device, "; ".join(parts)


def _is_counted(device: str, cover: Cover) -> bool:
    """Whether the total sums a channel of the device, or of any processor."""
    if device.startswith(PROCESSORS):
        return any(c.component in (Component.CPU, Component.SOC) for c in cover.channels)
    return any(name == device or name.startswith(f"{device}-") for name in cover.names)


def _parts(conditions: Sequence[RecordedCondition], run: RecordedRun) -> Iterable[str]:
    for seen in conditions:
        average = seen.average or 0.0
        if seen.condition is Condition.THROTTLED:
            if average >= _NOTICED_THROTTLED_FRACTION:
                yield f"throttled: {seen.reason} {100 * average:.0f} % of the time"
        elif seen.condition is Condition.TEMPERATURE:
            if seen.has_changed:
                yield f"{seen.lowest:.0f} to {seen.highest:.0f} °C"
        elif seen.condition.is_averaged:
            if seen.has_changed and seen.lowest is not None and seen.highest is not None:
                lowest, highest = format_frequency(seen.lowest), format_frequency(seen.highest)
                average_text = f"{format_frequency(average)} on average"
                yield f"{_NAMES[seen.condition]} {lowest} to {highest}, {average_text}"
        elif seen.changes:
            yield f"{_NAMES[seen.condition]} {_changes(seen, run)}"


def _changes(seen: RecordedCondition, run: RecordedRun) -> str:
    values = [_level(seen.condition, seen.at_start)]
    for time_ns, value in seen.changes[:_MOST_CHANGES]:
        after = format_duration((time_ns - run.begin_ns) * 1e-9)
        values.append(f"{_level(seen.condition, value)} at {after}")
    more = len(seen.changes) - _MOST_CHANGES
    return " -> ".join(values) + (f", and {more} more changes" if more > 0 else "")


def _level(condition: Condition, value: Level) -> str:
    if isinstance(value, str):
        return value
    if condition is Condition.POWER_LIMIT:
        return format_power(value)
    if condition is Condition.BOOST:
        return "on" if value else "off"
    return format_frequency(value)
