"""How a run with several programs ended."""

import pytest

from effmeter.recorded.endings import of_programs, window_of, worst_status
from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow

RECORDED_NS = (0, 100)


def end(time_ns: int, source: str, status: str = "completed") -> EventRow:
    return EventRow(time_ns, Event.END, source=source, id=1, text=status)


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (("completed", "completed"), "completed"),
        (("completed", "failed: KeyError"), "failed: KeyError"),
        (("failed: KeyError", "interrupted"), "interrupted"),
    ],
)
def test_the_worst_status_stands_for_the_run(statuses: tuple[str, ...], worst: str) -> None:
    assert str(worst_status(end(1, "a", status) for status in statuses)) == worst


def test_a_program_that_ended_twice_ended_the_last_time() -> None:
    rows = [end(5, "a", "the recorder was stopped"), end(9, "a"), end(7, "another")]
    assert of_programs(rows, Event.END, {("a", 1)}) == {("a", 1): rows[1]}


def test_a_run_lasts_from_its_first_block_to_its_last_end() -> None:
    begins = [EventRow(at, Event.RUN_BEGIN, source=s, id=1) for at, s in ((10, "a"), (12, "b"))]
    rows = [*begins, end(50, "b"), end(60, "a")]
    roots = {("a", 1), ("b", 1)}
    assert window_of(rows, roots, RECORDED_NS, is_inner=False) == (10, 60)
    assert window_of(rows[:-1], roots, RECORDED_NS, is_inner=False) == (10, 100)
    without_blocks = rows[2:]
    assert window_of(without_blocks, roots, RECORDED_NS, is_inner=False) == (0, 100)
