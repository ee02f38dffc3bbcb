"""How client and recorder agree before anything is recorded."""

import os
import socket
from pathlib import Path

import pytest

from effmeter.errors import RecorderError
from effmeter.wire.handshake import (
    CLOCKS_AGREE_NS,
    MAX_VARIABLES,
    check_greeting,
    greeting,
    hello,
    open_socket,
)
from effmeter.wire.protocol import PROTOCOL_VERSION, check_request

NOW_NS = 50_000_000_000


def test_a_hello_is_a_request_of_the_protocol() -> None:
    assert check_request(hello(NOW_NS))["version"] == PROTOCOL_VERSION


def test_a_greeting_states_mode_process_and_variables() -> None:
    found = check_greeting(greeting("shared", NOW_NS, ("A", "B")), NOW_NS, NOW_NS)
    assert found == ("shared", os.getpid(), ("A", "B"))


def test_another_protocol_version_is_refused() -> None:
    answer = {**greeting("shared", NOW_NS, ()), "version": 99}
    with pytest.raises(RecorderError, match="protocol version 99"):
        check_greeting(answer, NOW_NS, NOW_NS)


@pytest.mark.parametrize("off_ns", [-2 * CLOCKS_AGREE_NS, 2 * CLOCKS_AGREE_NS])
def test_another_clock_is_refused(off_ns: int) -> None:
    with pytest.raises(RecorderError, match="clock differs"):
        check_greeting(greeting("private", NOW_NS + off_ns, ()), NOW_NS, NOW_NS)


def test_a_slow_answer_is_no_other_clock() -> None:
    received_ns = NOW_NS + 20 * CLOCKS_AGREE_NS
    assert check_greeting(greeting("private", received_ns, ()), NOW_NS, received_ns)


@pytest.mark.parametrize("variables", [None, 7, "PATH", {}])
def test_variables_that_are_no_list_are_none(variables: object) -> None:
    answer = {**greeting("private", NOW_NS, ()), "variables": variables}
    assert check_greeting(answer, NOW_NS, NOW_NS).variables == ()


def test_variables_are_limited_in_number() -> None:
    answer = greeting("private", NOW_NS, [str(n) for n in range(1000)])
    assert len(check_greeting(answer, NOW_NS, NOW_NS).variables) == MAX_VARIABLES


def test_where_nothing_listens_no_recorder_answers(tmp_path: Path) -> None:
    with pytest.raises(RecorderError, match="no recorder answers"):
        open_socket(tmp_path / "absent.sock", 0.1)


def test_a_socket_of_this_user_is_trusted(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "own.sock"))
        listener.listen()
        open_socket(tmp_path / "own.sock", 1.0).close()
