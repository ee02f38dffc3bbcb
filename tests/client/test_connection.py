"""The client's end: nothing waits, nothing is lost without being counted."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from effmeter.client import connection as module
from effmeter.client.connection import Connection
from effmeter.clock import now_ns
from effmeter.errors import RecorderError
from effmeter.wire.handshake import greeting
from effmeter.wire.protocol import LineBuffer, decode, encode

MARK = {"op": "mark", "event": "note", "time_ns": 1}


class Recorder:
    """The other end of a connection, driven by hand."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair()
        self.connection = Connection(ours)
        self._lines = LineBuffer()

    def say(self, *messages: dict[str, Any]) -> None:
        self.socket.sendall(b"".join(map(encode, messages)))

    def heard(self) -> list[dict[str, Any]]:
        self.socket.setblocking(False)
        found = []
        try:
            while data := self.socket.recv(1 << 20):
                found += [decode(line) for line in self._lines.feed(data)]
        except BlockingIOError:
            pass
        return found

    def fill(self) -> None:
        """Until the socket accepts no more."""
        while not self.connection._waiting:
            self.connection.send({**MARK, "text": "x" * 4000})


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.connection.close()
    made.socket.close()


def test_a_message_is_sent_at_once(recorder: Recorder) -> None:
    recorder.connection.send(MARK)
    assert recorder.heard() == [MARK]


def test_marks_beyond_the_limit_are_dropped_and_counted_and_requests_are_not(
    recorder: Recorder,
) -> None:
    recorder.fill()
    waiting = len(recorder.connection._waiting)
    for _ in range(module.MAX_WAITING_MARKS - waiting + 7):
        recorder.connection.send(MARK)
    assert recorder.connection.dropped_marks == 7
    recorder.connection.send({"op": "end"})
    assert len(recorder.connection._waiting) == module.MAX_WAITING_MARKS + 1


def test_what_waited_goes_out_in_order_once_the_socket_accepts_it(recorder: Recorder) -> None:
    recorder.fill()
    recorder.connection.send({"op": "status"})
    heard = recorder.heard()
    while recorder.connection._waiting:
        recorder.connection.flush(0.0)
        heard += recorder.heard()
    recorder.connection.flush(0.0)
    heard += recorder.heard()
    assert [m["op"] for m in heard[-2:]] == ["mark", "status"]
    assert recorder.connection.unsent() == []


def test_flush_reports_that_the_time_was_too_short(recorder: Recorder) -> None:
    recorder.fill()
    assert not recorder.connection.flush(0.0)


def test_a_recorder_that_hung_up_is_lost_and_what_it_never_received_is_kept(
    recorder: Recorder,
) -> None:
    recorder.fill()
    recorder.socket.close()
    recorder.connection.send(MARK)
    assert recorder.connection.lost
    assert encode(MARK) in recorder.connection.unsent()


def test_the_last_message_of_a_lost_recorder_is_still_received(recorder: Recorder) -> None:
    recorder.say({"op": "refused", "reason": "the end"})
    recorder.socket.close()
    recorder.connection.drain()
    assert recorder.connection.lost
    assert recorder.connection.pop_message(lambda m: m["op"] == "refused") is not None


def test_a_refusal_is_an_error_with_its_reason(recorder: Recorder) -> None:
    recorder.say({"op": "refused", "reason": "no room"})
    with pytest.raises(RecorderError, match="refuses: no room"):
        recorder.connection.expect("begun", 5.0)


def test_silence_and_an_end_are_different_errors(recorder: Recorder) -> None:
    with pytest.raises(RecorderError, match="does not answer"):
        recorder.connection.expect("begun", 0.0)
    recorder.socket.close()
    with pytest.raises(RecorderError, match="the recorder ended"):
        recorder.connection.expect("begun", 5.0)


def test_pushed_totals_replace_each_other_and_answers_wait_in_the_inbox(
    recorder: Recorder,
) -> None:
    pushed = [{"op": "total", "number": 0, "value": n} for n in range(3)]
    recorder.say(*pushed, {"op": "total", "number": 1, "value": 9})
    recorder.connection.drain()
    assert recorder.connection.latest_total == {"op": "total", "number": 1, "value": 9}
    total = recorder.connection.ask_total(5.0)
    assert total is not None
    assert total["value"] == 9
    assert recorder.connection.pop_message(lambda m: m["op"] == "total") is None


def test_a_greeting_gives_mode_and_process(recorder: Recorder) -> None:
    recorder.say(greeting("shared", now_ns(), ("CUDA_VISIBLE_DEVICES",)))
    recorder.connection.greet(5.0)
    assert recorder.connection.greeting == ("shared", os.getpid(), ("CUDA_VISIBLE_DEVICES",))


def test_a_greeting_without_waiting_gives_the_process_once_it_is_answered(
    recorder: Recorder,
) -> None:
    recorder.connection.greet_without_waiting(None)
    assert recorder.connection.recorder_pid == 0
    recorder.say(greeting("private", now_ns(), ()))
    recorder.connection.drain()
    assert recorder.connection.recorder_pid == os.getpid()
    assert recorder.connection.pop_message(lambda m: m["op"] == "hello") is None


def test_nonsense_from_the_recorder_ends_the_connection(recorder: Recorder) -> None:
    recorder.socket.sendall(b"nonsense\n")
    recorder.connection.drain()
    assert recorder.connection.lost


def test_a_send_that_interrupts_another_leaves_its_message_to_it(recorder: Recorder) -> None:
    with recorder.connection._lock:
        recorder.connection.send(MARK)
        assert recorder.heard() == []
    recorder.connection.send({"op": "status"})
    assert [m["op"] for m in recorder.heard()] == ["mark", "status"]


def test_nothing_is_sent_after_the_close(recorder: Recorder) -> None:
    recorder.connection.close()
    recorder.connection.send(MARK)
    assert recorder.connection.unsent() == []
