"""How programs get into recordings, with a registry that is stepped by hand."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.clock import SystemClock
from effmeter.probes.base import Discovery
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.registry import Registry
from effmeter.wire.handshake import hello
from effmeter.wire.protocol import Message, encode
from tests.recorder.served import BEGIN, SOURCE, Pair
from tests.recording import eventually


class Served:
    """A registry without sensors, and the programs connected to it."""

    def __init__(self) -> None:
        policy = ServicePolicy("private", os.getuid())
        self.registry = Registry(Discovery(), policy, SystemClock(), lambda: None)
        self.pairs: list[Pair] = []

    def connect(self) -> Pair:
        pair = Pair()
        self.pairs.append(pair)
        self.send(pair, hello(0))
        return pair

    def send(self, pair: Pair, message: Message, descriptor: int | None = None) -> None:
        given = [] if descriptor is None else [descriptor]
        socket.send_fds(pair.program, [encode(message)], given)
        for received in pair.read() or ():
            self.registry.handle(pair.client, received)

    def decide(self, count: int) -> None:
        """Let clients in until so many of them are accepted or refused."""
        decided = 0

        def are_decided() -> bool:
            nonlocal decided
            self.registry.report_finished()
            self.registry.admission.begin_ready()
            for client in self.registry.admission.pop_decided():
                client.is_held = False
                decided += 1
            return decided >= count

        eventually(are_decided, "files are checked")


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    made.registry.start()
    yield made
    for pair in made.pairs:
        made.registry.forget(pair.client)
    eventually(lambda: not is_busy(made.registry), "files are closed")
    made.registry.close()
    for pair in made.pairs:
        pair.close()


def is_busy(registry: Registry) -> bool:
    registry.pump(2**62)
    registry.report_finished()
    return registry.is_busy


@pytest.mark.parametrize("is_fit", [True, False])
def test_who_joins_while_the_file_is_checked_waits_for_the_decision(
    served: Served, tmp_path: Path, is_fit: bool
) -> None:
    path = tmp_path / "run.2.arrow"
    path.write_bytes(b"" if is_fit else b"precious")
    owner, joining = served.connect(), served.connect()
    descriptor = os.open(path, os.O_RDWR)
    served.send(owner, {**BEGIN, "part": 2, "recording": "token"}, descriptor)
    os.close(descriptor)
    served.send(joining, {"op": "join", **SOURCE, "id": 2, "recording": "token"})
    assert joining.client.recording is None
    served.decide(2)
    joined = "token" if is_fit else None
    assert (owner.client.recording, joining.client.recording) == (joined, joined)
    refused = [m["reason"] for m in joining.heard() if m["op"] == "refused"]
    assert refused == ([] if is_fit else ["there is no such recording to join"])
