"""Which session of a process is the last in a recording."""

import os
import threading

from effmeter.client.participation import PARTICIPATION, Participation


def test_the_last_session_to_leave_ends_what_the_process_began() -> None:
    parts = Participation()
    parts.enter("token", "outer", began=True)
    parts.enter("token", "inner", began=False)
    assert set(parts.sessions("token")) == {"outer", "inner"}
    assert parts.sessions("another") == ()
    assert [parts.leave("token", "outer"), parts.leave("token", "inner")] == [False, True]


def test_a_recording_of_another_process_is_ended_by_none_that_joined_it() -> None:
    parts = Participation()
    parts.enter("token", "inner", began=False)
    assert not parts.leave("token", "inner")
    parts.enter("own", "outer", began=True)
    assert [parts.leave("own", "outer"), parts.leave("own", "outer")] == [True, False]


def test_a_recording_does_not_count_the_sessions_of_another() -> None:
    parts = Participation()
    for name in ("a", "b"):
        parts.enter(name, name, began=True)
    assert [parts.leave("a", "a"), parts.leave("b", "b")] == [True, True]


def test_of_sessions_that_leave_together_one_is_the_last() -> None:
    parts, count = Participation(), 50
    for number in range(count):
        parts.enter("token", number, began=number == 0)
    together = threading.Barrier(count)
    last: list[bool] = []

    def leave(number: int) -> None:
        together.wait(20)
        last.append(parts.leave("token", number))

    threads = [threading.Thread(target=leave, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(last) == 1


def test_a_forked_child_takes_part_in_nothing() -> None:
    PARTICIPATION.enter("token", "parent", began=True)
    child = os.fork()
    if not child:
        PARTICIPATION.enter("token", "child", began=False)
        os._exit(int(PARTICIPATION.leave("token", "child")))
    assert os.waitpid(child, 0)[1] == 0
    assert PARTICIPATION.leave("token", "parent")
