"""What a user may cost the loop: by cost, over all of its connections, refilled by time."""

import pytest

from effmeter.recorder.allowance import (
    BURST_NS,
    SHARE,
    SHARE_OF_ALL,
    Allowances,
    cost_ns,
)

S = 1_000_000_000
USER, OTHER = 1000, 1001


def test_a_user_is_free_until_its_burst_is_spent() -> None:
    allowances = Allowances()
    allowances.spend(USER, BURST_NS, S)
    assert allowances.free_ns(USER, S) == S
    allowances.spend(USER, 1_000_000, S)
    assert allowances.free_ns(USER, S) == pytest.approx(S + 1_000_000 / SHARE, abs=2)


def test_a_debt_is_paid_by_time() -> None:
    allowances = Allowances()
    allowances.spend(USER, BURST_NS + 1_000_000, 0)
    due_ns = allowances.free_ns(USER, 0)
    assert allowances.free_ns(USER, due_ns - 100_000) > due_ns - 100_000
    assert allowances.free_ns(USER, due_ns) == due_ns


def test_users_do_not_pay_for_each_other() -> None:
    allowances = Allowances()
    allowances.spend(USER, 10 * S, 0)
    assert allowances.free_ns(OTHER, 0) == 0


def test_many_users_share_what_all_of_them_get() -> None:
    allowances = Allowances()
    for uid in range(10):
        allowances.spend(uid, BURST_NS + 1_000_000, 0)
    paid_ns = allowances.free_ns(3, 0)
    assert paid_ns == pytest.approx(1_000_000 / (SHARE_OF_ALL / 10), abs=2)


def test_who_has_left_is_forgotten_once_nothing_is_owed() -> None:
    allowances = Allowances()
    allowances.spend(USER, BURST_NS + S, 0)
    allowances.keep([], S)
    assert allowances.free_ns(USER, S) > S, "a new connection does not pay a debt"
    allowances.keep([], 100 * S)
    assert not allowances._by_uid


def test_an_expensive_request_costs_more_than_a_mark_and_a_long_one_more_than_a_short_one() -> None:
    assert cost_ns("begin", 100) > cost_ns("join", 100) > cost_ns("ask", 100) > cost_ns("mark", 100)
    assert cost_ns("mark", 48_000) > 10 * cost_ns("mark", 100)
    assert cost_ns("unheard of", 0) > 0
