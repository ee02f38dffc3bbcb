"""One meter under two names is found; two meters that look alike are not one."""

from collections.abc import Callable

import numpy as np
import pytest

from effmeter.channel import Kind
from effmeter.recorded.equal_readings import LEAST_MOVES, equal_meters
from effmeter.recorded.readings import Samples

RANDOM = np.random.default_rng(3)
TIMES = np.arange(0, 200, dtype=np.int64) * 2_000_000_000
POWER = np.round(1000 + 500 * RANDOM.random(len(TIMES)))


Meter = tuple[Kind, Callable[[], Samples]]


def gauge(values: "np.typing.NDArray[np.float64]" = POWER, first: int = 0) -> Meter:
    return meter(Kind.GAUGE, TIMES[first : first + len(values)], values)


def meter(
    kind: Kind, times: "np.typing.NDArray[np.int64]", values: "np.typing.NDArray[np.float64]"
) -> Meter:
    return kind, lambda: Samples(times, values)


def test_every_name_of_one_meter_is_in_its_group() -> None:
    other = np.round(1000 + 500 * RANDOM.random(len(TIMES)))
    meters = {"a": gauge(), "b": gauge(other), "c": gauge(), "d": gauge(other), "e": gauge()}
    groups = equal_meters(meters)
    assert [group.names for group in groups] == [("a", "c", "e"), ("b", "d")]
    assert groups[0].readings == 200
    assert groups[0].moves > 150


def test_a_record_that_begins_a_little_later_is_of_the_same_meter() -> None:
    (group,) = equal_meters({"a": gauge(), "b": gauge(POWER[5:], first=5)})
    assert (group.names, group.readings) == (("a", "b"), 195)


def test_counters_that_begin_elsewhere_are_compared_by_their_steps() -> None:
    energy = np.cumsum(POWER)
    counters = {
        "a": meter(Kind.COUNTER, TIMES, energy),
        "b": meter(Kind.COUNTER, TIMES, energy + 7.0),
    }
    (group,) = equal_meters(counters)
    assert (group.names, group.readings) == (("a", "b"), 199)


@pytest.mark.parametrize("case", ["one digit", "another moment", "short", "steady", "overlap"])
def test_meters_that_may_be_two_are_two(case: str) -> None:
    values, first = POWER.copy(), 0
    meters = {"a": gauge()}
    match case:
        case "one digit":
            values[100] += 1
        case "another moment":
            meters["b"] = meter(Kind.GAUGE, TIMES + 1, values)
        case "short":
            values = POWER[:LEAST_MOVES]
            meters["a"] = gauge(values)
        case "steady":
            values = np.full(len(TIMES), 1000.0)
            meters["a"] = gauge(values)
        case "overlap":
            values = np.concatenate((POWER[150:], POWER[:100] + 1))[:50]
            meters["a"] = gauge(POWER[:50])
            first = 45
    meters.setdefault("b", gauge(values, first))
    assert equal_meters(meters) == ()
