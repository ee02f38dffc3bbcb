"""Recordings that begin once their file has been checked.

The check runs in the thread of the file's writer: a file on a network file system that hangs must
not delay the other recordings.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from effmeter.clock import Clock
from effmeter.probes.base import Discovery
from effmeter.recorder.calibrations import Calibrations
from effmeter.recorder.descriptor import unfit_for_writing
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.inventory import describe_run
from effmeter.recorder.memory_limits import MemoryLimits
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.recording import Recording
from effmeter.recorder.served_client import ServedClient
from effmeter.runfile.writer import RunWriter
from effmeter.wire.peer import become_in_this_thread
from effmeter.wire.protocol import Message

MAX_RATE_HZ = 1000.0
MIN_RATE_HZ = 0.01
MAX_RECORDINGS_PER_USER = 64


@dataclass(frozen=True, slots=True)
class PendingRecording:
    """A recording whose file is being checked."""

    token: str
    recording: Recording
    client: ServedClient
    message: Message


class PendingRecordings:
    """Holds recordings until their files are accepted; ``wake`` ends the wait of the loop.

    A writer's thread calls ``on_end`` when its file is closed, with the recording's token and the
    failure, or None.
    """

    def __init__(
        self,
        discovery: Discovery,
        policy: ServicePolicy,
        clock: Clock,
        wake: Callable[[], None],
        on_end: Callable[[str, str | None], None],
        disposal: Disposal,
    ) -> None:
        self.discovery = discovery
        """The sensors that a recording begins with."""
        self._policy = policy
        self._clock = clock
        self._wake = wake
        self._on_end = on_end
        self._disposal = disposal
        self._limits = MemoryLimits(policy)
        self._waiting: dict[str, PendingRecording] = {}
        self._ready: deque[str] = deque()

    @property
    def waiting(self) -> Mapping[str, Recording]:
        """The recordings whose files are being checked, by token."""
        return {token: pending.recording for token, pending in self._waiting.items()}

    def begin(
        self, client: ServedClient, message: Message, going_on: Mapping[str, Recording]
    ) -> None:
        """Check the file of a request to begin, or refuse the request."""
        descriptor = client.pop_descriptor()
        refusal = self._refusal(client, message, {**going_on, **self.waiting})
        if descriptor is None or refusal is not None:
            if descriptor is not None:
                self._disposal.discard(client.peer.uid, [descriptor])
            reason = refusal or "a recording begins with one open file"
            client.send({"op": "refused", "reason": reason})
            return
        token = message.get("recording") or os.urandom(8).hex()
        try:
            recording = self._record(token, client, message, descriptor)
        except Exception:
            self._disposal.discard(client.peer.uid, [descriptor])
            raise
        self._waiting[token] = PendingRecording(token, recording, client, message)
        client.recording = token
        client.is_held = True

    def pop_ready(self) -> Iterator[PendingRecording]:
        """The recordings that can begin now."""
        while self._ready:
            pending = self._waiting.pop(self._ready.popleft(), None)
            if pending is not None:
                yield pending

    def finish_all(self) -> None:
        """End the files that are being checked, without a recording in them."""
        for pending in self._waiting.values():
            pending.recording.finish(())
        self._waiting.clear()

    def refuse(self, token: str, why: str) -> ServedClient | None:
        """Refuse the client its recording; None where none waits under the token."""
        pending = self._waiting.pop(token, None)
        if pending is None:
            return None
        pending.client.recording = None
        pending.client.send({"op": "refused", "reason": why})
        return pending.client

    def _record(
        self, token: str, client: ServedClient, message: Message, descriptor: int
    ) -> Recording:
        cap_hz = self._policy.others_rate_hz if client.is_restricted else None
        rate_hz = min(max(message["rate_hz"], MIN_RATE_HZ), MAX_RATE_HZ, cap_hz or MAX_RATE_HZ)
        metadata = describe_run(message, self.discovery, self._policy, rate_hz, self._clock)
        own = Calibrations.of(message)
        peer = client.peer
        writes_for_another = os.geteuid() == 0 and peer.uid != 0
        writer = RunWriter(
            descriptor,
            metadata,
            lambda why: self._on_end(token, why),
            refusal=lambda descriptor: unfit_for_writing(descriptor, peer),
            on_fit=lambda: self._file_accepted(token),
            become=partial(become_in_this_thread, peer) if writes_for_another else None,
            limit=self._limits.of_recording(peer),
        )
        recording = Recording(metadata, writer, self._clock, 1 / rate_hz, peer.uid, cap_hz, own)
        recording.contention.names_processes = not client.is_restricted
        return recording

    def _file_accepted(self, token: str) -> None:
        """Runs in a writer's thread; appending to a deque needs no lock."""
        self._ready.append(token)
        self._wake()

    @staticmethod
    def _refusal(
        client: ServedClient, message: Message, going_on: Mapping[str, Recording]
    ) -> str | None:
        if client.recording is not None:
            return "this client has begun a recording already"
        if message.get("recording") in going_on:
            return "that recording is going on already"
        if not math.isfinite(message["rate_hz"]):
            return "the rate is not a number"
        mine = sum(r.owner_uid == client.peer.uid for r in going_on.values())
        if mine >= MAX_RECORDINGS_PER_USER:
            return f"{MAX_RECORDINGS_PER_USER} recordings of this user are going on already"
        return None
