"""When a probe is read: on deadlines, on demand, and closely for a while after a demand."""

from hypothesis import given
from hypothesis import strategies as st

from effmeter.recorder.sampling.schedule import (
    CLOSE_LOAD_FRACTION,
    CLOSE_NS,
    EXTRA_LOAD_FRACTION,
    Schedule,
)

MS = 1_000_000


class Reader:
    """Reads as a schedule says, on a clock that stands at the moment of the last reading."""

    def __init__(self, schedule: Schedule, whole_ns: int = 0, close_ns: int = 0) -> None:
        self.schedule = schedule
        self.now_ns = 0
        self.wholes: list[int] = []
        self.closes: list[int] = []
        self._whole_ns = whole_ns
        self.close_ns = close_ns

    def until(self, end_ns: int, *, is_demanded: bool = False) -> "Reader":
        """Go on to a moment; what is demanded is done with the first whole reading."""
        while (due_ns := self.schedule.due_ns(is_demanded)) is not None and due_ns < end_ns:
            self.now_ns = begin_ns = max(self.now_ns, due_ns)
            if self.schedule.is_full_due(begin_ns, is_demanded):
                self.wholes.append(begin_ns)
                self.now_ns += self._whole_ns
                self.schedule.note_full_reading(begin_ns, self.now_ns)
                is_demanded = False
            else:
                self.closes.append(begin_ns)
                self.now_ns += self.close_ns
                self.schedule.note_counter_reading(begin_ns, self.now_ns)
        self.now_ns = max(self.now_ns, end_ns)
        return self


def schedule_of(period_ns: int | None, close_period_ns: int | None = None) -> Schedule:
    schedule = Schedule(close_period_ns)
    schedule.set_period(period_ns, 0)
    return schedule


def test_deadlines_are_absolute_and_those_that_passed_during_a_call_are_missed() -> None:
    reader = Reader(schedule_of(10 * MS), whole_ns=25 * MS).until(100 * MS)
    assert reader.wholes == [0, 30 * MS, 60 * MS, 90 * MS]
    assert reader.schedule.missed_deadlines == 8


def test_nothing_is_due_at_rest_but_what_is_demanded() -> None:
    schedule = schedule_of(None, close_period_ns=20 * MS)
    assert schedule.due_ns(is_demanded=False) is None
    schedule.demand(5 * MS)
    assert Reader(schedule).until(100 * MS, is_demanded=True).wholes == [0]


def test_demanded_readings_keep_to_a_part_of_the_time() -> None:
    schedule = schedule_of(None)
    reader = Reader(schedule, whole_ns=2 * MS)
    while reader.now_ns < 1000 * MS:
        reader.until(reader.now_ns + MS, is_demanded=True)
    assert len(reader.wholes) * 2 * MS <= EXTRA_LOAD_FRACTION * 1100 * MS


def test_a_demand_that_has_to_settle_waits_for_it_and_the_deadlines_go_on() -> None:
    schedule = schedule_of(100 * MS)
    schedule.demand(90 * MS, settles_ns=50 * MS)
    assert schedule.due_ns(is_demanded=True) == 0
    reader = Reader(schedule).until(101 * MS)
    assert reader.wholes == [0, 100 * MS]
    assert not schedule.is_settled(100 * MS)
    assert schedule.due_ns(is_demanded=True) == 140 * MS
    assert schedule.is_settled(140 * MS)
    assert schedule.is_full_due(140 * MS, is_demanded=True)


def test_counters_are_read_closely_for_a_while_after_a_demand_between_the_deadlines() -> None:
    schedule = schedule_of(100 * MS, close_period_ns=20 * MS)
    reader = Reader(schedule).until(1000 * MS)
    assert reader.closes == []
    schedule.demand(1000 * MS)
    reader.until(1200 * MS, is_demanded=True)
    assert reader.closes == [t * MS for t in (1020, 1040, 1060, 1080, 1120, 1140, 1160, 1180)]
    reader.until(1000 * MS + 2 * CLOSE_NS)
    assert 1000 * MS + CLOSE_NS - 20 * MS <= max(reader.closes) < 1000 * MS + CLOSE_NS
    assert reader.wholes == [t * 100 * MS for t in range(10 + 2 * CLOSE_NS // (100 * MS))]


def test_a_probe_that_is_read_as_often_anyway_is_not_read_closely_besides() -> None:
    schedule = schedule_of(20 * MS, close_period_ns=20 * MS)
    schedule.demand(0)
    assert Reader(schedule).until(1000 * MS).closes == []


@given(st.integers(1, 5 * MS))
def test_close_readings_keep_to_a_part_of_the_time(call_ns: int) -> None:
    schedule = schedule_of(100 * MS, close_period_ns=20 * MS)
    schedule.demand(0)
    reader = Reader(schedule, close_ns=call_ns).until(CLOSE_NS)
    assert (len(reader.closes) - 1) * call_ns <= CLOSE_LOAD_FRACTION * CLOSE_NS
    assert reader.schedule.missed_deadlines == 0


def test_close_readings_go_on_at_the_next_boundary_after_one_that_hung() -> None:
    schedule = schedule_of(100 * MS, close_period_ns=20 * MS)
    schedule.demand(0)
    reader = Reader(schedule, close_ns=2_000 * MS).until(10_000 * MS)
    assert len(reader.closes) == 1
    reader.close_ns = 0
    schedule.demand(10_000 * MS)
    assert len(reader.until(11_000 * MS).closes) == 1 + 40
