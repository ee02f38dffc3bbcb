"""Which epoch or span a thread is in."""

import threading

from effmeter.tracking.nesting import Nesting, next_id


def test_the_run_itself_is_around_everything() -> None:
    nesting = Nesting(7)
    assert nesting.innermost == 7
    nesting.enter(8)
    nesting.enter(9)
    assert nesting.innermost == 9
    nesting.leave(8)
    assert nesting.innermost == 9
    nesting.leave(9)
    nesting.leave(9)
    assert nesting.innermost == 7


def test_each_thread_nests_by_itself() -> None:
    nesting = Nesting(1)
    nesting.enter(2)
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(nesting.innermost))
    thread.start()
    thread.join()
    assert seen == [1]


def test_no_two_numbers_are_the_same() -> None:
    assert next_id() < next_id()
