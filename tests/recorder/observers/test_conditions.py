"""What a file keeps of conditions: levels where they change, averages where they move."""

from collections.abc import Mapping
from itertools import pairwise

from effmeter.channel import Condition
from effmeter.probes.base import Conditions
from effmeter.recorder.observers.conditions import (
    ConditionChange,
    ConditionsLog,
    ConditionsObserver,
    ConditionsSnapshot,
    device_conditions,
)
from tests.simulated.clock import ManualClock

GPU, CPU = "gpu0", "cpu"
SECOND_NS = 1_000_000_000


class Watched:
    """A log that is shown one look a second."""

    def __init__(self) -> None:
        self.log = ConditionsLog()
        self.time_s = 0
        self.kept: list[ConditionChange] = []

    def show(self, seconds: int, conditions: Conditions, device: str = GPU) -> None:
        for _ in range(seconds):
            seen = ConditionsSnapshot(self.time_s * SECOND_NS, {device: conditions})
            self.kept += self.log.changes(seen)
            self.time_s += 1

    def finish(self) -> list[tuple[float, str | float | None]]:
        """When each row was written (s), and what it says."""
        self.kept += self.log.finish(self.time_s * SECOND_NS)
        return [(c.time_ns / SECOND_NS, c.text if c.value is None else c.value) for c in self.kept]


def clock(ghz: float) -> Conditions:
    return Conditions({Condition.CLOCK: ghz * 1e9})


def throttled(share: float) -> Conditions:
    return Conditions({}, {"power limit": share})


def test_a_level_is_kept_at_first_and_where_it_changes() -> None:
    watched = Watched()
    for limit_w, governor in ((700.0, "powersave"), (700.0, "powersave"), (400.0, "performance")):
        levels: dict[Condition, float | str] = {
            Condition.POWER_LIMIT: limit_w,
            Condition.GOVERNOR: governor,
        }
        watched.show(10, Conditions(levels))
    assert watched.finish() == [
        (0, 700.0),
        (0, "powersave"),
        (20, 400.0),
        (20, "performance"),
    ]


def test_a_steady_average_has_a_first_look_and_one_row_at_the_end() -> None:
    watched = Watched()
    watched.show(3600, clock(1.98))
    watched.show(10, clock(1.95))
    first, last = watched.finish()
    assert list(first) == [0, 1.98e9]
    assert last[0] == 3610
    assert last[1] == (3600 * 1.98e9 + 10 * 1.95e9) / 3610


def test_a_change_ends_a_stretch_whose_average_does_not_hold_what_follows() -> None:
    watched = Watched()
    watched.show(100, clock(2.0))
    watched.show(50, clock(1.4))
    assert watched.finish() == [(0, 2.0e9), (100, 2.0e9), (150, 1.4e9)]


def test_what_never_rests_has_at_most_one_row_in_ten_seconds_after_the_first_ten() -> None:
    watched = Watched()
    for number in range(600):
        watched.show(1, clock(1.0 + number % 7))
    assert len(watched.finish()) <= 600 / 10 + 2 + 4


def test_a_short_run_shows_a_change_of_its_clock() -> None:
    watched = Watched()
    watched.show(4, clock(1.98))
    watched.show(5, clock(1.2))
    assert watched.finish() == [(0, 1.98e9), (4, 1.98e9), (9, 1.2e9)]


def test_the_averages_of_a_file_give_the_average_over_time() -> None:
    watched = Watched()
    looks = [1.0 + (number * 7919 % 100) / 50 for number in range(605)]
    for ghz in looks:
        watched.show(1, clock(ghz))
    rows = watched.finish()
    weighed = sum(
        (after - before) * float(value or 0) for (before, _), (after, value) in pairwise(rows)
    )
    assert abs(weighed / 605 / (sum(looks) / 605 * 1e9) - 1) < 1e-9


def test_throttling_is_a_part_of_the_time_by_its_reason() -> None:
    watched = Watched()
    for number in range(100):
        watched.show(1, throttled(float(number % 4 == 0)))
    assert {c.text for c in watched.kept} == {"power limit"}
    (_, last) = watched.finish()[-1]
    assert last == 0.25


def test_a_recording_shorter_than_a_window_has_its_average_too() -> None:
    watched = Watched()
    watched.show(1, clock(1.0))
    watched.show(1, clock(2.0))
    assert watched.finish() == [(0, 1.0e9), (2, 1.5e9)]


def test_a_value_that_is_missing_for_a_while_ends_nothing() -> None:
    watched = Watched()
    watched.show(20, clock(2.0))
    watched.show(20, Conditions({}))
    watched.show(20, clock(2.0))
    assert watched.finish() == [(0, 2.0e9), (60, 2.0e9)]


class Source:
    """Shows conditions, or fails."""

    def __init__(self, shown: Mapping[str, Conditions] | None) -> None:
        self._shown = shown

    def conditions(self) -> Mapping[str, Conditions]:
        if self._shown is not None:
            return self._shown
        raise OSError("the driver is gone")


def test_a_source_that_fails_hides_no_other() -> None:
    sources = [Source(None), object(), Source({GPU: clock(1.0)}), Source({CPU: clock(2.0)})]
    observer = ConditionsObserver(device_conditions(sources), ManualClock(time_ns=7))
    seen = observer.observe()
    assert seen == ConditionsSnapshot(7, {GPU: clock(1.0), CPU: clock(2.0)})
