"""No sequence of messages ends the recorder of the others."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effmeter.client.connection import Connection
from effmeter.clock import now_ns
from effmeter.probes.base import Discovery
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from effmeter.runfile.format import Event
from effmeter.wire.handshake import hello
from effmeter.wire.protocol import REQUESTS, encode
from tests.recorder.served import BEGIN, SOURCE

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=30),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
BROKEN = st.fixed_dictionaries(
    {"op": st.sampled_from([*sorted(REQUESTS.keys() - {"stop"}), "nonsense"])},
    optional=dict.fromkeys(
        sorted({field for fields in REQUESTS.values() for field in fields}), PLAIN
    ),
)
MARKS = st.fixed_dictionaries(
    {
        "op": st.just("mark"),
        "event": st.sampled_from([*Event, "nonsense"]),
        "time_ns": st.integers(-(2**63) + 1, 2**63 - 1),
    },
    optional={
        "id": st.integers(0, 3),
        "parent": st.integers(0, 3),
        "name": st.text(max_size=5),
        "value": st.floats(),
        "text": st.text(max_size=5),
    },
)
END = st.builds(
    lambda status, final, time_ns: {
        "op": "end",
        "status": status,
        "final": final,
        "dropped_marks": 0,
        "time_ns": time_ns,
    },
    st.text(max_size=5),
    st.booleans(),
    st.integers(-5, 2**62),
)
ASKS = st.builds(lambda number: {"op": "ask", "number": number}, st.integers(0, 5))
FIXED = st.sampled_from(
    [{"op": "watch"}, {"op": "status"}, BEGIN, {"op": "join", **SOURCE, "recording": "token"}]
)
SEQUENCES = st.lists(st.one_of(MARKS, END, ASKS, FIXED, BROKEN), max_size=12)


class Service:
    """A server in a thread, and one connection that must be served throughout."""

    def __init__(self, folder: Path) -> None:
        self._runs = 0
        self._folder = folder
        self._listener = socket.socket(socket.AF_UNIX)
        self._path = folder / "s"
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._server = Server(Discovery(), ServicePolicy("shared", os.getuid()))
        self._server.listen(self._listener)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        self._steady = self._connect()

    def _open(self) -> socket.socket:
        """A connection that fails, rather than waits, where the server's loop has ended."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(20.0)
        sock.connect(str(self._path))
        return sock

    def _connect(self) -> Connection:
        connection = Connection(self._open())
        connection.greet(20.0)
        return connection

    def disturb(self, lines: list[bytes], *, begins: bool) -> None:
        """Another client says these lines, in a recording of its own or in none."""
        sock = self._open()
        with sock, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(encode(hello(now_ns())))
            if begins:
                self._runs += 1
                path = self._folder / f"{self._runs}.arrow"
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
                try:
                    socket.send_fds(sock, [encode({**BEGIN, "recording": "token"})], [descriptor])
                finally:
                    os.close(descriptor)
            for line in lines:
                sock.sendall(line)

    def still_serves(self) -> bool:
        self._steady.send({"op": "status"})
        return bool(self._steady.expect("status", 20.0)["pid"] == os.getpid())

    def close(self) -> None:
        self._steady.close()
        self._server.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._listener.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("s"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """A traceback is a fault of the recorder, whatever a client says."""
    yield
    assert "Traceback" not in capfd.readouterr().err


FUZZ = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(messages=SEQUENCES, begins=st.booleans())
def test_any_sequence_of_messages_leaves_the_others_served(
    service: Service, messages: list[dict[str, object]], begins: bool
) -> None:
    service.disturb([encode(message) for message in messages], begins=begins)
    assert service.still_serves()


@FUZZ
@given(data=st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_leave_the_others_served(service: Service, data: list[bytes]) -> None:
    service.disturb(data, begins=False)
    assert service.still_serves()
