"""What clients hand over is closed where it may wait."""

import os
import socket
import struct
import threading
import time

import pytest

from effmeter.recorder.disposal import MOST_WAITING, Disposal, close_at_once
from tests.recording import eventually

pytestmark = pytest.mark.untimed


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_descriptors_are_closed_and_the_thread_ends() -> None:
    disposal = Disposal(idle_s=0.0)
    read, write = os.pipe()
    disposal.discard(1000, [read, write])
    eventually(lambda: not is_open(read) and not is_open(write), "both are closed")
    eventually(lambda: not disposal._waiting, "the thread ends")
    disposal.discard(1000, [])
    assert not disposal._waiting


def lingering_socket() -> tuple[int, list[socket.socket]]:
    """A TCP socket whose close waits 30 s: its peer reads nothing of what is queued."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        sending = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
    sending.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 30))
    sending.setblocking(False)
    try:
        while True:
            sending.send(b"x" * 65536)
    except BlockingIOError:
        pass
    return sending.detach(), [accepted]


def test_a_socket_that_lingers_is_closed_without_its_linger_time() -> None:
    descriptor, others = lingering_socket()
    began_s = time.monotonic()
    close_at_once(descriptor)
    assert time.monotonic() - began_s < 10
    assert not is_open(descriptor)
    for other in others:
        other.close()


def test_a_user_whose_descriptors_do_not_close_is_clogged_and_the_others_are_not() -> None:
    gate = threading.Event()
    began = threading.Event()
    descriptors = [os.open("/dev/null", os.O_RDONLY) for _ in range(MOST_WAITING + 2)]

    def close(descriptor: int) -> None:
        began.set()
        assert gate.wait(20)
        os.close(descriptor)

    disposal = Disposal(idle_s=0.0, close=close)
    disposal.discard(1000, descriptors)
    assert began.wait(20)
    assert disposal.is_clogged(1000)
    assert not disposal.is_clogged(1001)
    gate.set()
    eventually(lambda: not disposal.is_clogged(1000), "all are closed")
    eventually(lambda: not any(map(is_open, descriptors)), "all are closed")
