"""Which marks a successor must receive again."""

from typing import Any

from effmeter.client.unwritten import UNWRITTEN_NS, UnwrittenMarks


def mark(event: str, time_ns: int, **fields: Any) -> dict[str, Any]:
    return {"op": "mark", "event": event, "time_ns": time_ns, **fields}


def repeated(marks: UnwrittenMarks, *unsent: dict[str, Any]) -> list[tuple[str, int]]:
    return [(m["event"], m["time_ns"]) for m in marks.to_repeat(unsent)]


def test_recent_marks_are_repeated_and_written_ones_are_not() -> None:
    marks = UnwrittenMarks()
    for time_ns in (0, 1, UNWRITTEN_NS + 1):
        marks.remember(mark("metric", time_ns, name="loss"))
    assert repeated(marks) == [("metric", 1), ("metric", UNWRITTEN_NS + 1)]


def test_the_beginning_of_an_open_epoch_is_repeated_however_old() -> None:
    marks = UnwrittenMarks()
    marks.remember(mark("epoch_begin", 0, id=1))
    marks.remember(mark("metric", 10 * UNWRITTEN_NS, name="loss"))
    assert repeated(marks) == [("epoch_begin", 0), ("metric", 10 * UNWRITTEN_NS)]


def test_a_closed_span_is_not_open() -> None:
    marks = UnwrittenMarks()
    marks.remember(mark("span_begin", 0, id=1))
    marks.remember(mark("span_end", 1, id=1))
    marks.remember(mark("metric", 10 * UNWRITTEN_NS))
    assert repeated(marks) == [("metric", 10 * UNWRITTEN_NS)]


def test_each_mark_is_repeated_once() -> None:
    marks = UnwrittenMarks()
    begin = mark("epoch_begin", 0, id=1)
    marks.remember(begin)
    assert repeated(marks, begin, {"op": "watch"}) == [("epoch_begin", 0)]


def test_two_metrics_of_one_moment_are_two_marks() -> None:
    marks = UnwrittenMarks()
    for name in ("loss", "accuracy"):
        marks.remember(mark("metric", 5, name=name))
    assert len(repeated(marks)) == 2
