"""The energy of a run while it goes on: what is asked, what is kept, and what stays unknown."""

import pytest

from effmeter.tracking.meter import Meter
from tests.tracking.scripted import S, ScriptedSession, answers, total


def asked_j(meter: Meter) -> float | None:
    live = meter.ask()
    return None if live is None else live.total.value_j


def latest_j(meter: Meter) -> float | None:
    live = meter.latest()
    return None if live is None else live.total.value_j


def between_j(meter: Meter, begin_s: float, end_s: float) -> float | None:
    energy = meter.between(round(begin_s * S), round(end_s * S))
    return None if energy is None else energy.value_j


def test_a_run_that_began_the_recording_has_used_the_whole_total() -> None:
    session = ScriptedSession(*answers([100.0, 130.0]))
    meter = Meter(session, 0)
    assert session.asked == 0, "nothing was used before it"
    assert [asked_j(meter), asked_j(meter)] == [100.0, 130.0]


def test_what_the_recorder_used_before_the_block_is_not_the_runs() -> None:
    session = ScriptedSession(total(2, 30.0), total(3, 45.0))
    meter = Meter(session, 1 * S)
    first, second = meter.ask(), meter.ask()
    assert first is not None
    assert second is not None
    assert (first.total.value_j, second.total.value_j) == (15.0, 30.0)
    assert (second.total.low_j, second.total.high_j) == (15.0, 45.0), "its power may have varied"


def test_a_stretch_before_the_first_answer_has_the_mean_power_up_to_it() -> None:
    session = ScriptedSession()
    meter = Meter(session, 0)
    session.arrived = [total(10, 100.0)]
    energy = meter.between(2 * S, 4 * S)
    assert energy is not None
    assert energy.value_j == pytest.approx(20.0)
    assert energy.low_j < 20.0 < energy.high_j


def test_of_a_recording_that_it_joined_a_run_has_used_what_came_after() -> None:
    session = ScriptedSession(*answers([100.0, 130.0]), is_owner=False)
    meter = Meter(session, 0)
    assert asked_j(meter) == 30.0
    session.pushed = total(2, 150.0)
    assert latest_j(meter) == 50.0


def test_a_run_that_joins_needs_no_question_where_the_recorder_has_said_what_was_used() -> None:
    session = ScriptedSession(total(3, 150.0), is_owner=False)
    session.before = total(1, 100.0)
    meter = Meter(session, 1 * S)
    assert (session.asked, asked_j(meter)) == (0, 50.0)


def test_what_a_recording_used_between_the_last_reading_and_the_block_is_not_the_runs() -> None:
    session = ScriptedSession(total(3, 200.0), is_owner=False)
    session.before = total(1, 100.0)
    energy = Meter(session, round(1.2 * S)).ask()
    assert energy is not None
    assert energy.total.value_j == pytest.approx(90)
    assert energy.total.low_j < 90 < energy.total.high_j


def test_a_joined_run_knows_nothing_where_what_was_used_before_it_is_unknown() -> None:
    session = ScriptedSession(None, total(1, 130.0), is_owner=False)
    meter = Meter(session, 0)
    session.pushed = total(1, 130.0)
    assert (asked_j(meter), latest_j(meter)) == (None, None)


def test_an_answer_that_does_not_come_is_unknown_and_not_the_last_one() -> None:
    meter = Meter(ScriptedSession(total(1, 100.0), None), 0)
    assert [asked_j(meter), asked_j(meter)] == [100.0, None]


def test_the_latest_energy_is_what_the_recorder_sent_and_nothing_is_asked() -> None:
    session = ScriptedSession()
    meter = Meter(session, 0)
    assert latest_j(meter) is None
    session.pushed = total(1, 40.0)
    assert (latest_j(meter), session.asked, session.requested) == (40.0, 0, 0)


def test_requests_keep_their_distance() -> None:
    session = ScriptedSession()
    meter = Meter(session, 0)
    counts = []
    for time_ns in (1000, 1099, 1100, 1150, 1200):
        meter.request(time_ns, 100)
        counts.append(session.requested)
    assert counts == [1, 1, 2, 2, 3]


def test_the_energy_of_a_stretch_comes_from_totals_that_arrived() -> None:
    session = ScriptedSession()
    meter = Meter(session, 0)
    session.arrived = answers([0.0, 10.0, 40.0])
    assert between_j(meter, 1, 2) == pytest.approx(30.0)
    assert session.asked == 0


def test_a_total_is_asked_for_where_none_is_as_late_as_the_end() -> None:
    session = ScriptedSession(total(2, 40.0), total(9, 90.0))
    meter = Meter(session, 0)
    session.arrived = answers([0.0, 10.0])
    assert between_j(meter, 1, 2) == pytest.approx(30.0)
    assert between_j(meter, 0, 2) == pytest.approx(40.0)
    assert session.asked == 1


def test_without_any_total_the_energy_of_a_stretch_is_unknown() -> None:
    assert between_j(Meter(ScriptedSession(), 0), 1, 2) is None


def test_a_total_counts_at_the_time_of_its_oldest_reading() -> None:
    session = ScriptedSession()
    meter = Meter(session, 0)
    session.arrived = [total(0, 0.0), total(2.5, 100.0, read_s=2.0)]
    energy = meter.between(0, 2 * S)
    assert energy is not None
    assert energy.value_j == pytest.approx(100.0)
    assert energy.low_j < 100.0, "other channels were read up to half a second later"
    assert energy.high_j == pytest.approx(100.0)


def test_after_the_close_the_last_answer_stays_and_nothing_is_asked() -> None:
    session = ScriptedSession(total(3, 60.0), total(9, 90.0))
    meter = Meter(session, 0)
    session.arrived = answers([0.0, 10.0, 40.0])
    meter.close(3 * S)
    session.pushed = total(9, 90.0)
    assert (asked_j(meter), latest_j(meter)) == (60.0, 60.0)
    assert between_j(meter, 1, 3) == pytest.approx(50.0)
    assert between_j(meter, 1, 60) is None
    assert session.asked == 1


def test_a_meter_lives_as_long_as_its_recorder_answers() -> None:
    session = ScriptedSession()
    meter = Meter(session, 0)
    assert meter.is_alive
    session.answers_still = False
    assert not meter.is_alive


def test_what_was_read_after_the_end_belongs_to_nobody() -> None:
    meter = Meter(ScriptedSession(total(3, 60.0)), 0)
    meter.close(2 * S)
    assert asked_j(meter) == pytest.approx(40.0)
