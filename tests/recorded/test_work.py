"""How long programs used a device in a window, from rows that a test writes."""

import math

import pytest

from effmeter.recorded.work import (
    NOT_COVERED,
    NOT_RECORDED,
    DeviceWork,
    device_work,
    work_rows,
    worked_channels,
)
from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow
from tests.runfile.writing import SOURCE, at

OTHER = "host/1/43"


def row(
    time_s: float,
    value: float | None,
    source: str | None = None,
    *,
    channel: str | None = None,
    unseen_s: float | None = None,
    processes: int | None = None,
    text: str | None = None,
    part: int = 0,
) -> EventRow:
    return EventRow(
        at(time_s),
        Event.WORK,
        channel=channel,
        source=source,
        id=processes,
        value=value,
        text=text,
        duration_s=unseen_s,
        part=part,
    )


def look(time_s: float, all_s: float, own_s: float, **more: float) -> list[EventRow]:
    return [row(time_s, all_s), row(time_s, own_s, SOURCE, unseen_s=more.get("unseen_s", 0.0))]


def within(rows: list[EventRow], begin_s: float, end_s: float) -> DeviceWork:
    return device_work(rows, None, at(begin_s), at(end_s), capacity=2.0)


def test_each_pair_of_looks_bounds_a_stretch() -> None:
    rows = [*look(0, 0.0, 0.0), *look(10, 12.0, 9.0), *look(20, 20.0, 10.0)]
    first, second = within(rows, 0, 20).slices
    assert (first.everything.value_s, first.programs[SOURCE].value_s) == (12.0, 9.0)
    assert (second.everything.value_s, second.programs[SOURCE].value_s) == (8.0, 1.0)
    whole = within(rows, 0, 20).whole
    assert whole is not None
    assert whole.programs[SOURCE].value_s == 10.0


def test_between_two_looks_work_is_even() -> None:
    rows = [*look(0, 0.0, 0.0), *look(10, 10.0, 4.0)]
    (half,) = within(rows, 5, 10).slices
    assert half.programs[SOURCE].value_s == pytest.approx(2.0)
    assert (half.begin_ns, half.end_ns) == (at(5), at(10))


def test_the_ends_of_a_part_between_two_looks_allow_for_any_course() -> None:
    rows = [*look(0, 0.0, 0.0), *look(10, 10.0, 4.0)]
    (part,) = within(rows, 0.5, 10).slices
    own = part.programs[SOURCE]
    assert (own.low_s, own.high_s) == pytest.approx((4.0 - 0.02 - 2 * 0.5, 4.0 + 0.02))


def test_in_a_stretch_without_looks_any_use_is_possible() -> None:
    rows = [*look(0.1, 0.0, 0.0), *look(10, 10.0, 4.0)]
    unseen, seen = within(rows, 0, 10).slices
    own = unseen.programs[SOURCE]
    assert (own.low_s, own.high_s) == pytest.approx((0.0, 0.2))
    assert own.value_s == pytest.approx(4.0 * 0.1 / 9.9)
    assert (unseen.begin_ns, unseen.end_ns, seen.begin_ns) == (at(0), at(0.1), at(0.1))


def test_what_ended_unseen_can_be_more_and_rounding_can_be_either() -> None:
    rows = [*look(0, 0.0, 0.0, unseen_s=7.0), *look(10, 10.0, 4.0, unseen_s=8.5)]
    (only,) = within(rows, 0, 10).slices
    own = only.programs[SOURCE]
    assert own.low_s == pytest.approx(4.0 - 0.02)
    assert own.high_s == pytest.approx(4.0 + 0.02 + 1.5)
    assert only.everything.low_s < 10.0 < only.everything.high_s


def test_each_process_is_rounded() -> None:
    rows = [
        *(row(0, 0.0), row(0, 0.0, SOURCE, processes=3)),
        *(row(10, 10.0), row(10, 5.0, SOURCE, processes=8)),
    ]
    (only,) = within(rows, 0, 10).slices
    assert only.programs[SOURCE].low_s == pytest.approx(5.0 - 8 * 0.02)


def test_a_program_that_joined_later_used_nothing_before() -> None:
    rows = [*look(0, 0.0, 0.0), *look(10, 10.0, 4.0), row(10, 0.0, OTHER)]
    rows += [*look(20, 20.0, 8.0), row(20, 5.0, OTHER)]
    first, second = within(rows, 0, 20).slices
    assert first.programs[OTHER].value_s == 0.0
    assert second.programs[OTHER].value_s == 5.0


def test_all_programs_together_use_no_more_than_everything() -> None:
    (only,) = within([*look(0, 0.0, 0.0), *look(10, 3.0, 4.0)], 0, 10).slices
    assert only.everything.value_s == 4.0


def test_short_stretches_are_joined() -> None:
    rows = [r for k in range(41) for r in look(0.1 * k, 0.1 * k, 0.05 * k)]
    slices = within(rows, 0, 4).slices
    assert 3 <= len(slices) <= 5
    assert math.fsum(s.programs[SOURCE].value_s for s in slices) == pytest.approx(2.0)


def test_a_successor_counts_anew_and_nothing_is_known_between() -> None:
    rows = [*look(0, 0.0, 0.0), *look(10, 10.0, 4.0)]
    rows += [row(10.5, 0.0, part=1), row(10.5, 0.0, SOURCE, part=1)]
    rows += [row(20, 9.0, part=1), row(20, 3.0, SOURCE, part=1)]
    first, between, second = within(rows, 0, 20).slices
    assert (first.programs[SOURCE].value_s, second.programs[SOURCE].value_s) == (4.0, 3.0)
    assert (between.programs[SOURCE].low_s, between.programs[SOURCE].high_s) == (0.0, 1.0)


def test_a_gpu_is_told_in_percents_and_apart_from_the_processors() -> None:
    rows = [*look(0, 0.0, 0.0), *look(10, 10.0, 4.0)]
    for time_s, all_s, own_s in ((0, 0.0, 0.0), (10, 8.0, 6.0)):
        rows.append(row(time_s, all_s, channel="gpu0"))
        rows.append(row(time_s, own_s, SOURCE, channel="gpu0"))
    (only,) = device_work(rows, "gpu0", at(0), at(10)).slices
    assert only.everything.value_s == 8.0
    assert (only.programs[SOURCE].low_s, only.programs[SOURCE].high_s) == pytest.approx((5.9, 6.1))
    assert worked_channels(rows) == {"gpu0"}


def test_a_recording_without_looks_says_nothing() -> None:
    work = within([], 0, 10)
    assert (work.unknown, work.whole) == (NOT_RECORDED, None)
    assert work_rows([EventRow(0, Event.END)]) == ()
    rows = look(0, 0.0, 0.0)
    assert list(work_rows(rows)) == rows


def test_use_that_was_unknown_for_some_of_the_time_is_unknown() -> None:
    rows = [*look(0, 0.0, 0.0), row(5, None, text="Not Supported"), *look(10, 10.0, 4.0)]
    assert within(rows, 0, 10).unknown == "Not Supported"
    assert within([row(5, None, text="Not Supported")], 0, 10).unknown == "Not Supported"


def test_a_window_that_was_not_looked_at_throughout_is_unknown() -> None:
    rows = [*look(0, 0.0, 0.0), *look(5, 5.0, 4.0)]
    assert within(rows, 0, 10).unknown == NOT_COVERED
    assert within(rows, 0, 5.2).unknown is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e300])
def test_figures_that_cannot_be_are_passed_over(value: float) -> None:
    rows = [*look(0, 0.0, 0.0), row(5, value), row(5, value, SOURCE), *look(10, 10.0, 4.0)]
    whole = within(rows, 0, 10).whole
    assert whole is not None
    assert whole.programs[SOURCE].value_s == 4.0
