"""The conditions of a run, from its rows."""

from pathlib import Path

import pytest

from effmeter.channel import Condition
from effmeter.recorded.conditions import RecordedCondition, conditions_in
from effmeter.recorded.reading import read_run
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import Event
from tests.runfile.writing import RunFile, at


@pytest.fixture
def file(tmp_path: Path) -> RunFile:
    return RunFile(tmp_path / "run.arrow")


def ended(file: RunFile, time_s: float = 100.0) -> RecordedRun:
    with file:
        file.end(time_s)
    return read_run(file.path)


def add(
    file: RunFile, name: str, *rows: tuple[float, float | str], reason: str | None = None
) -> None:
    for time_s, value in rows:
        number, text = (None, value) if isinstance(value, str) else (value, reason)
        file.event(time_s, Event.CONDITION, channel="gpu0", name=name, value=number, text=text)


def only(run: RecordedRun) -> RecordedCondition:
    (found,) = run.conditions
    return found


def test_a_limit_that_was_lowered(file: RunFile) -> None:
    add(file, "power_limit_w", (0.1, 700.0), (12.0, 400.0))
    found = only(ended(file))
    assert (found.device, found.condition) == ("gpu0", Condition.POWER_LIMIT)
    assert (found.at_start, found.at_end) == (700.0, 400.0)
    assert found.changes == ((at(12.0), 400.0),)
    assert found.has_changed
    assert found.average is None


def test_a_governor_that_stayed(file: RunFile) -> None:
    add(file, "governor", (0.1, "performance"))
    found = only(ended(file))
    assert (found.at_start, found.at_end) == ("performance", "performance")
    assert not found.has_changed


def test_an_average_is_over_time_and_the_first_look_alone_has_none(file: RunFile) -> None:
    add(file, "clock_hz", (0.0, 0.3e9), (80.0, 2.0e9), (100.0, 1.0e9))
    found = only(ended(file))
    assert found.at_start == 0.3e9
    assert found.at_end == 1.0e9
    assert found.average == pytest.approx(1.8e9)
    assert (found.lowest, found.highest) == (1.0e9, 2.0e9)
    assert found.has_changed


def test_a_temperature_that_moved_by_little_has_not_changed(file: RunFile) -> None:
    add(file, "temperature_c", (0.0, 30.0), (50.0, 61.0), (100.0, 65.0))
    assert not only(ended(file)).has_changed


def test_of_a_recording_that_was_cut_off_the_first_look_is_left(file: RunFile) -> None:
    add(file, "clock_hz", (0.5, 2.0e9))
    found = only(ended(file))
    assert found.average == found.at_start == found.at_end == 2.0e9


def test_reasons_of_throttling_stand_apart(file: RunFile) -> None:
    for reason, share in (("power limit", 0.12), ("power brake", 0.0)):
        rows = ((0.0, 0.0), (100.0, share))
        add(file, "throttled_fraction", *rows, reason=reason)
    run = ended(file)
    assert {c.reason: c.average for c in run.conditions} == {
        "power limit": pytest.approx(0.12),
        "power brake": 0.0,
    }


def test_a_window_has_the_conditions_that_held_in_it(file: RunFile) -> None:
    add(file, "power_limit_w", (0.0, 700.0), (50.0, 400.0), (90.0, 700.0))
    add(file, "clock_hz", (0.0, 1.0e9), (60.0, 2.0e9), (100.0, 1.0e9))
    run = ended(file)
    clock, limit = conditions_in(run.recording.events, at(55.0), at(70.0))
    assert (limit.at_start, limit.at_end, limit.changes) == (400.0, 400.0, ())
    assert clock.average == pytest.approx((5 * 2.0e9 + 10 * 1.0e9) / 15)
    assert (
        conditions_in(run.recording.events, at(200.0), at(300.0))[0].condition
        is Condition.POWER_LIMIT
    )


def test_rows_of_unknown_or_broken_conditions_are_passed_over(file: RunFile) -> None:
    add(file, "fan_rpm", (0.0, 1.0))
    file.event(0.0, Event.CONDITION, name="clock_hz", value=1.0)
    file.event(0.0, Event.CONDITION, channel="gpu0", name="clock_hz", text="fast")
    file.event(0.0, Event.CONDITION, channel="gpu0", name="governor")
    assert ended(file).conditions == ()
