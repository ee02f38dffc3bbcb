"""The requests of clients: to begin and join recordings, mark them, ask for totals, end them.

Everything here runs in the recorder's loop, except the two callbacks that say so. They only append
to a list or read one attribute, and wake the loop: no lock is needed.
"""

import os
import socket
from collections.abc import Callable
from typing import Any

from effmeter.channel import Channel
from effmeter.clock import Clock
from effmeter.probes.base import Boundary, Discovery, Listed
from effmeter.probes.devices import VARIABLES, listing_from_texts
from effmeter.recorder.pending import PendingRecordings
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.program_devices import ProgramDevices, ProgramKey
from effmeter.recorder.recording import Recording
from effmeter.recorder.recordings import Recordings
from effmeter.recorder.rediscovery import Rediscovery
from effmeter.recorder.remote_probe import RemoteProbe
from effmeter.recorder.served_client import ServedClient
from effmeter.recorder.visibility import (
    unseen_devices,
    with_unseen_devices,
    without_answers,
)
from effmeter.runfile.format import Event
from effmeter.status import Status
from effmeter.wire.handshake import greeting
from effmeter.wire.protocol import PROTOCOL_VERSION, Message, ProtocolError

SETTLE_NS = 300_000_000
"""The longest that an answer waits for the readings that it needs."""
PUMP_PERIOD_NS = 100_000_000
"""The shortest period at which readings are passed on: for clients that watch their total."""


class Registry:
    """Answers the requests of clients; ``wake`` ends the wait of the loop."""

    def __init__(
        self,
        discovery: Discovery,
        policy: ServicePolicy,
        clock: Clock,
        wake: Callable[[], None],
        rediscovery: Rediscovery | None = None,
    ) -> None:
        self.stop_requested = False
        self.settle_by_ns: int | None = None
        """When answers that wait for readings are due at the latest; None: none wait."""
        self._discovery = discovery
        self._policy = policy
        self._clock = clock
        self._wake = wake
        self._recordings = Recordings(discovery, clock, self._wake_if_settling)
        self._clients: dict[int, ServedClient] = {}
        self._rediscovery = rediscovery
        self._delayed: list[tuple[ServedClient, Message]] = []
        """Requests to begin that wait for a search for sensors."""
        self._pending = PendingRecordings(discovery, policy, clock, wake, self._file_ended)
        self._own_devices = discovery.devices
        self._devices = ProgramDevices(lambda: self._discovery, lambda: self._own_devices)
        self._decided: list[ServedClient] = []
        self._finished: list[tuple[str, str | None]] = []
        self._started_ns = clock.now_ns()
        self._handlers: dict[str, Callable[[ServedClient, Message], None]] = {
            "mark": self._mark,
            "devices": self._take_devices,
            "sensors": self._take_sensors,
            "ask": self._ask,
            "begin": self._begin,
            "join": self._join,
            "watch": self._watch,
            "end": self._end,
            "status": self._status,
            "stop": self._stop,
        }

    @property
    def is_recording(self) -> bool:
        """Whether readings are being taken."""
        return bool(self._recordings.active)

    @property
    def is_busy(self) -> bool:
        """Whether a file is open."""
        return bool(self._recordings.unfinished or self._pending.waiting)

    def start(self) -> None:
        """Start the samplers, at rest."""
        self._recordings.start()
        if self._rediscovery is not None:
            self._rediscovery.start()

    def close(self) -> None:
        """End the samplers."""
        if self._rediscovery is not None:
            self._rediscovery.stop()
        self._recordings.stop()

    def end_all(self) -> None:
        """End every recording because the recorder stops."""
        for token in list(self._recordings.active):
            self._end_recording(token, Status.RECORDER_STOPPED)

    def pump_due_ns(self, pumped_ns: int) -> int:
        """When readings must be passed on: rarely, since a few cost as much as many."""
        due_ns = pumped_ns + PUMP_PERIOD_NS
        if not any(client.watches for client in self._clients.values()):
            due_ns = max(due_ns, self._recordings.flush_due_ns() or due_ns)
        return min(due_ns, self.settle_by_ns or due_ns)

    def is_settled(self, now_ns: int) -> bool:
        """Whether the answers that wait for readings can be given now."""
        due_ns = self.settle_by_ns
        return due_ns is not None and (self._recordings.is_quiet or now_ns >= due_ns)

    def pump(self, now_ns: int) -> None:
        """Pass on readings; answer, flush, push totals and end what is due."""
        # Asked before the pump: a reading that comes in during it is not yet passed on.
        settled = self.is_settled(now_ns)
        self._recordings.pump()
        if settled:
            self.settle_by_ns = None
            self._answer(now_ns)
            self._recordings.finish_ending()
        for token, recording in self._recordings.flush(now_ns):
            self._push_total(token, recording, now_ns)

    def note_fault(self, what: str) -> None:
        """Note a fault of the recorder in every run that it may have touched."""
        self._recordings.note_fault(what)

    def _wake_if_settling(self) -> None:
        """An extra reading is in. Runs in a sampler's thread: it only reads one attribute."""
        if self.settle_by_ns is not None:
            self._wake()

    # Requests

    def handle(self, client: ServedClient, message: Message) -> None:
        """Answer a request; ProtocolError where it is not allowed."""
        if client.held is not None:
            client.held.append(message)
        elif message["op"] == "hello":
            self._greet(client, message)
        elif client.greeted:
            self._handlers[message["op"]](client, message)
        else:
            raise ProtocolError("the first message must be a hello")

    def _greet(self, client: ServedClient, message: Message) -> None:
        now_ns = self._clock.now_ns()
        client.send(greeting(self._policy.mode, now_ns, VARIABLES))
        if message["version"] != PROTOCOL_VERSION:
            raise ProtocolError(f"this recorder speaks version {PROTOCOL_VERSION}")
        client.greeted = True
        self._clients[client.key] = client

    def _begin(self, client: ServedClient, message: Message) -> None:
        if self._rediscovery is not None:
            self._rediscovery.request()
            if self._rediscovery.is_awaited(self._clock.now_ns()):
                client.hold()
                self._delayed.append((client, message))
                return
        self._pending.begin(client, message, self._recordings.unfinished)

    @property
    def is_delaying(self) -> bool:
        """Whether a recording waits for a search for sensors."""
        return bool(self._delayed)

    def take_found(self) -> None:
        """Take in the sensors that a search has found, and begin what waited for it."""
        if self._rediscovery is None:
            return
        found = self._rediscovery.pop()
        if found is not None:
            self._own_devices = found.devices
            self._take_in(found)
        if not self._delayed or self._rediscovery.is_awaited(self._clock.now_ns()):
            return
        delayed, self._delayed = self._delayed, []
        for client, message in delayed:
            if client.key not in self._clients:
                continue
            self._pending.begin(client, message, self._recordings.unfinished)
            if client.recording is None:
                self._decided.append(client)

    def _take_in(self, found: Discovery) -> None:
        self._discovery = self._pending.discovery = found
        self._recordings.take_in(found.probes)
        self._devices.restate()

    def begin_ready(self) -> None:
        """Begin the recordings whose file has been found fit."""
        for pending in self._pending.pop_ready():
            token, client = pending.token, pending.client
            if client.key not in self._clients:
                pending.recording.finish(())  # its client is gone already
                continue
            self._recordings.add(token, pending.recording)
            self._enter(client, token, pending.message)
            self._decided.append(client)

    def pop_decided(self) -> list[ServedClient]:
        """The clients whose recording has been accepted or refused: their held messages are due."""
        decided, self._decided = self._decided, []
        return decided

    def _join(self, client: ServedClient, message: Message) -> None:
        recording = self._recordings.get(message["recording"])
        allowed = recording is not None and client.peer.uid in (0, recording.owner_uid)
        if not allowed or client.recording or self._recordings.is_ending(message["recording"]):
            client.send({"op": "refused", "reason": "there is no such recording to join"})
            return
        self._enter(client, message["recording"], message)

    def _enter(self, client: ServedClient, token: str, message: Message) -> None:
        recording, pid = self._recordings.active[token], client.peer.pid
        client.recording = token
        rank = message.get("rank")
        label = f"{message['host']}/{'-' if rank is None else rank}/{pid}"
        program = without_answers(message["program"])
        recording.add_source(client.key, {**message, "program": program}, label, pid)
        own = ProgramKey(client.peer.uid, message.get("program_id") or "")
        self._devices.enter(client.key, recording, program, own, pid)
        self._recordings.observe_soon()
        client.awaits_begun = True
        self._recordings.request_reading(recording, Boundary.BEGIN)
        self._settle_soon()

    def _take_devices(self, client: ServedClient, message: Message) -> None:
        listing = _listing_in(message)
        self._devices.receive(ProgramKey(client.peer.uid, message["program_id"]), listing)
        # A shared recorder takes no readings from a client: they would be in others' runs.
        unread = unseen_devices(listing, self._discovery) if self._policy.is_private else {}
        ids = [device.id for devices in unread.values() for device in devices]
        client.send({"op": "unread", "devices": ids})

    def _take_sensors(self, client: ServedClient, message: Message) -> None:
        """Read from now on, through a helper, the devices that only its program sees."""
        unread = unseen_devices(_listing_in(message), self._discovery)
        descriptor = client.pop_descriptor()
        if descriptor is None or not self._policy.is_private or not unread:
            if descriptor is not None:
                os.close(descriptor)
            client.send({"op": "refused", "reason": "these sensors are not wanted"})
            return
        devices = [device for found in unread.values() for device in found]

        def is_unread(channel: Channel) -> bool:
            return any(device.is_of(channel) for device in devices)

        remote = _socket_of(descriptor)
        try:
            names = self._discovery.names
            probe = RemoteProbe(remote, str(message["sensors"].get("text")), names, is_unread)
        except ValueError as error:
            remote.close()
            raise ProtocolError(f"sensors: {error}") from error
        client.send({"op": "sensors"})
        self._take_in(with_unseen_devices(self._discovery, probe, unread))

    def _mark(self, client: ServedClient, message: Message) -> None:
        recording = self._recording_of(client)
        if recording is None or client.key not in recording.sources:
            return  # a mark that was on its way when the recording ended
        if recording.mark(client.key, message):
            self._recordings.request_reading(recording)
        if message["event"] == Event.RUN_BEGIN:
            self._recordings.observe_work()

    def _request_reading(self, client: ServedClient) -> None:
        recording = self._recording_of(client)
        if recording is not None:
            self._recordings.request_reading(recording)

    def _ask(self, client: ServedClient, message: Message) -> None:
        client.asks.append(message["number"])
        self._request_reading(client)
        self._settle_soon()

    def _watch(self, client: ServedClient, _message: Message) -> None:
        client.watches = True

    def _end(self, client: ServedClient, message: Message) -> None:
        token = client.recording
        names = ("status", "final", "dropped_marks", "time_ns")
        self.leave(client, *(message[name] for name in names))
        if not self._recordings.is_ending(token):
            client.recording = None
            client.send({"op": "left"})

    def _status(self, client: ServedClient, _message: Message) -> None:
        status: dict[str, Any] = {
            "op": "status",
            "pid": os.getpid(),
            "mode": self._policy.mode,
            "uptime_s": (self._clock.now_ns() - self._started_ns) * 1e-9,
            "recordings": len(self._recordings.active),
            "clients": len(self._clients),
            "channels": [c.name for c in self._discovery.channels],
            "refusals": [f"{r.source}: {r.reason}" for r in self._discovery.refusals],
        }
        client.send(status)

    def _stop(self, client: ServedClient, _message: Message) -> None:
        if client.is_restricted:
            reason = "only root or the recorder's owner may stop it"
            client.send({"op": "refused", "reason": reason})
            return
        client.send({"op": "stopping"})
        self.stop_requested = True

    # Recordings

    def _recording_of(self, client: ServedClient) -> Recording | None:
        return self._recordings.get(client.recording)

    def forget(self, client: ServedClient) -> None:
        """Forget a client that hung up or died; what it left open ends as interrupted."""
        self._clients.pop(client.key, None)
        why = Status.RECORDER_STOPPED if self.stop_requested else Status.INTERRUPTED
        self.leave(client, why, final=False)

    def leave(
        self,
        client: ServedClient,
        status: str,
        final: bool,
        dropped_marks: int = 0,
        ended_ns: int | None = None,
    ) -> None:
        """Close a client's part in its recording; the last part ends the recording."""
        recording, token = self._recording_of(client), client.recording
        if recording is None or token is None or client.key not in recording.sources:
            self._devices.forget(client.key)
            return
        self._devices.leave(client.key)
        recording.end_source(client.key, status, dropped_marks, ended_ns)
        if final or not recording.sources:
            self._end_recording(token, Status.INTERRUPTED)
        else:
            self._recordings.observe_work()

    def _end_recording(self, token: str, status: str) -> None:
        if not self._recordings.is_ending(token):
            for key in self._recordings.active[token].sources:
                self._devices.leave(key)
            self._recordings.end(token, status)
            self._settle_soon()

    def _settle_soon(self) -> None:
        if self.settle_by_ns is None:
            self.settle_by_ns = self._clock.now_ns() + SETTLE_NS

    def _file_ended(self, token: str, why: str | None) -> None:
        """A file is closed. Runs in a writer's thread."""
        self._finished.append((token, why))
        self._wake()

    def report_finished(self) -> None:
        """Tell clients of the files that have been closed."""
        while self._finished:
            token, why = self._finished.pop()
            refused = None if why is None else self._pending.refuse(token, why)
            if refused is not None:
                self._decided.append(refused)
                continue
            recording = self._recordings.forget(token)
            for client in list(self._clients.values()):
                if client.recording == token and recording is not None:
                    client.recording = None
                    client.send({"op": "ended", "failure": why, "status": recording.status})

    def _answer(self, now_ns: int) -> None:
        for client in self._clients.values():
            recording = self._recording_of(client)
            if recording is not None:
                self._confirm_begun(client, recording, now_ns)
                for number in client.asks:
                    total = recording.totals.as_message(now_ns)
                    client.send({"op": "total", "number": number, **total})
            client.asks.clear()

    def _confirm_begun(self, client: ServedClient, recording: Recording, now_ns: int) -> None:
        """Confirm the beginning once a reading is in: one must precede the first boundary."""
        if client.awaits_begun:
            client.awaits_begun = False
            begun = {"op": "begun", "recording": client.recording, "time_ns": now_ns}
            client.send({**begun, "rate_hz": 1 / recording.period_s})

    def _push_total(self, token: str, recording: Recording, now_ns: int) -> None:
        watching = [c for c in self._clients.values() if c.watches and c.recording == token]
        if watching:
            total = {"op": "total", "number": 0, **recording.totals.as_message(now_ns)}
            for client in watching:
                client.push(total)


def _socket_of(descriptor: int) -> socket.socket:
    try:
        return socket.socket(fileno=descriptor)
    except OSError as error:
        os.close(descriptor)
        raise ProtocolError(f"sensors: the descriptor is no socket: {error.strerror}") from error


def _listing_in(message: Message) -> dict[str, Listed]:
    try:
        return listing_from_texts(message["listing"])
    except ValueError as error:
        raise ProtocolError(f"{message['op']}: {error}") from error
