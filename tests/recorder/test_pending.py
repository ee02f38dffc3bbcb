"""Recordings that wait for the check of their file."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from effmeter.probes.base import Discovery
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.pending import MAX_RECORDINGS_PER_USER, PendingRecordings
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.recording import Recording
from tests.recorder.served import BEGIN, Pair
from tests.recording import eventually
from tests.simulated.clock import ManualClock

PATIENCE_S = 20.0

pytestmark = pytest.mark.untimed


class Waiting:
    """The pending recordings of a recorder, and one client."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pair = Pair()
        self.woken = threading.Event()
        self.ended: list[tuple[str, str | None]] = []
        self.pending = PendingRecordings(
            Discovery(),
            ServicePolicy("shared", os.getuid(), others_rate_hz=5.0),
            ManualClock(time_ns=10**10),
            self.woken.set,
            self._end,
            Disposal(idle_s=0.0),
        )

    def _end(self, token: str, why: str | None) -> None:
        self.ended.append((token, why))
        self.woken.set()

    def begin(self, active: dict[str, Recording] | None = None, **fields: Any) -> None:
        path = self.folder / f"{len(list(self.folder.iterdir()))}.arrow"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        self.pair.client._descriptors.append(descriptor)
        self.pending.begin(self.pair.client, {**BEGIN, **fields}, active or {})

    def ready(self) -> Recording:
        assert self.woken.wait(PATIENCE_S)
        (found,) = self.pending.pop_ready()
        return found.recording

    def refusal(self) -> str:
        (message,) = self.pair.heard()
        assert message["op"] == "refused"
        return str(message["reason"])


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    made = Waiting(tmp_path)
    yield made
    made.pair.close()


def finish(recording: Recording) -> None:
    recording.finish(())
    recording.writer.join(PATIENCE_S)


def test_a_recording_is_ready_once_its_file_was_accepted(waiting: Waiting) -> None:
    waiting.begin(rate_hz=20.0)
    assert len(waiting.pending.waiting) == 1
    assert waiting.pair.client.is_held, "what the client says meanwhile is kept"
    recording = waiting.ready()
    assert recording.period_s == pytest.approx(0.05)
    assert not waiting.pending.waiting
    finish(recording)
    assert [why for _, why in waiting.ended] == [None]


def test_without_a_file_nothing_begins(waiting: Waiting) -> None:
    waiting.pending.begin(waiting.pair.client, dict(BEGIN), {})
    assert "one open file" in waiting.refusal()


@pytest.mark.parametrize("rate_hz", [float("nan"), float("inf")])
def test_a_rate_that_is_no_number_is_refused_and_the_file_is_closed(
    waiting: Waiting, rate_hz: float
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    waiting.begin(rate_hz=rate_hz)
    assert "not a number" in waiting.refusal()
    eventually(lambda: len(os.listdir("/proc/self/fd")) == before, "the file is closed")


def test_a_token_in_use_is_refused(waiting: Waiting) -> None:
    waiting.begin(recording="token")
    recording = waiting.ready()
    waiting.pair.client.recording = None
    waiting.begin({"token": recording}, recording="token")
    assert "already" in waiting.refusal()
    finish(recording)


def test_a_user_has_a_limited_number_of_recordings(waiting: Waiting) -> None:
    waiting.begin()
    recording = waiting.ready()
    waiting.pair.client.recording = None
    waiting.begin(dict.fromkeys(map(str, range(MAX_RECORDINGS_PER_USER)), recording))
    assert str(MAX_RECORDINGS_PER_USER) in waiting.refusal()
    finish(recording)


def test_a_restricted_user_gets_its_own_rate(waiting: Waiting) -> None:
    waiting.pair.client.is_restricted = True
    waiting.begin(rate_hz=1000.0)
    recording = waiting.ready()
    assert recording.period_s == pytest.approx(0.2)
    assert recording.cap_hz == 5.0
    assert not recording.contention.names_processes
    finish(recording)


def test_a_file_that_was_not_accepted_is_refused_to_its_client(
    waiting: Waiting, tmp_path: Path
) -> None:
    (tmp_path / "full").write_text("precious")
    descriptor = os.open(tmp_path / "full", os.O_RDWR)
    waiting.pair.client._descriptors.append(descriptor)
    waiting.pending.begin(waiting.pair.client, dict(BEGIN), {})
    assert waiting.woken.wait(PATIENCE_S)
    ((token, why),) = waiting.ended
    assert why == "the file is not empty"
    assert waiting.pending.refuse(token, why) is waiting.pair.client
    assert waiting.refusal() == why
    assert waiting.pending.refuse(token, why) is None
