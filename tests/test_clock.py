"""The run clock: one for all processes, and tied to the wall by its anchors."""

import time

from effmeter.clock import SystemClock, anchor, now_ns


def test_the_run_clock_never_steps_back() -> None:
    moments = [now_ns() for _ in range(1000)]
    assert moments == sorted(moments)


def test_an_anchor_lies_between_the_moments_around_it() -> None:
    before_ns, wall_before_ns = now_ns(), time.time_ns()
    taken = anchor()
    after_ns, wall_after_ns = now_ns(), time.time_ns()
    assert before_ns <= taken.time_ns <= after_ns
    assert wall_before_ns <= taken.wall_ns <= wall_after_ns


def test_no_machine_was_awake_for_longer_than_it_was_on() -> None:
    assert 0 < anchor().awake_ns <= now_ns()


def test_the_clock_of_a_recorder_is_that_of_its_clients() -> None:
    clock = SystemClock()
    before_ns = now_ns()
    assert before_ns <= clock.now_ns() <= clock.anchor().time_ns <= now_ns()
