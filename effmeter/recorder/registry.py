"""The requests of clients: to begin and join recordings, mark them, ask for totals, end them.

Everything here runs in the recorder's loop, except the two callbacks that say so. They only append
to a list or read one attribute, and wake the loop: no lock is needed.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from effmeter.clock import Clock
from effmeter.escaping import printable
from effmeter.probes.base import Discovery
from effmeter.probes.devices import VARIABLES
from effmeter.recorder.admission import Admission
from effmeter.recorder.answers import Answers
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.guard import FaultLog, Guard
from effmeter.recorder.known_devices import KnownDevices
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan, MachineLog
from effmeter.recorder.pending import PendingRecordings
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.recording import Recording
from effmeter.recorder.recordings import Recordings
from effmeter.recorder.rediscovery import Rediscovery
from effmeter.recorder.served_client import ServedClient
from effmeter.runfile.format import Event
from effmeter.status import DetailedStatus, Status
from effmeter.wire.handshake import greeting
from effmeter.wire.protocol import PROTOCOL_VERSION, Message, ProtocolError

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
        guard: Guard | None = None,
        disposal: Disposal | None = None,
        log: tuple[LogPlan, LogFolder] | None = None,
    ) -> None:
        self._guard = guard or Guard(FaultLog(clock))
        disposal = disposal or Disposal()
        self.stop_requested = False
        self._policy = policy
        self._clock = clock
        self._wake = wake
        faults = self._guard.faults
        self._recordings = Recordings(discovery, clock, self._wake_if_settling, faults.note)
        self._clients: dict[int, ServedClient] = {}
        self.answers = Answers(self._recordings, self._clients, clock, self._guard)
        self._rediscovery = rediscovery
        self._pending = PendingRecordings(
            discovery, policy, clock, wake, self._file_ended, disposal
        )
        self._devices = KnownDevices(discovery, policy, self._take_in, disposal, faults.note)
        self.admission = Admission(
            self._recordings,
            self._pending,
            self._devices.programs,
            rediscovery,
            self._clients,
            clock,
            self.answers.await_readings,
            self._guard,
        )
        self._log = None if log is None else self._machine_log(*log)
        self._finished: list[tuple[str, str | None]] = []
        self._started_ns = clock.now_ns()
        self._handlers: dict[str, Callable[[ServedClient, Message], None]] = {
            "mark": self._mark,
            "devices": self._devices.take_listing,
            "sensors": self._devices.take_sensors,
            "ask": self.answers.ask,
            "begin": self.admission.begin,
            "join": self.admission.join,
            "watch": self.answers.watch,
            "end": self._end,
            "status": self._status,
            "stop": self._stop,
        }

    def _machine_log(self, plan: LogPlan, folder: LogFolder) -> MachineLog:
        return MachineLog(
            plan,
            folder,
            self._recordings,
            lambda: self._devices.discovery,
            self._policy,
            self._clock,
            self._end_recording,
            self._file_ended,
            say=lambda line: print(f"effmeter: {printable(line)}", file=sys.stderr, flush=True),
        )

    @property
    def has_log(self) -> bool:
        """Whether the machine's log is kept."""
        return self._log is not None

    def keep_log(self) -> None:
        """Do what is due of the machine's log; a fault of it ends no recording of others."""
        if self._log is None or self.stop_requested:
            return
        try:
            self._log.keep()
        except Exception as error:
            self._guard.faults.note(error)

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
        if self._log is not None:
            self._log.stop()
        for token in list(self._recordings.active):
            self._end_recording(token, Status.RECORDER_STOPPED)

    def finish_all(self, fault: str) -> None:
        """End every recording at once, without its last readings: the loop has failed."""
        status = str(DetailedStatus(Status.RECORDER_STOPPED, f"it failed ({fault})"))
        self._recordings.finish_all(status)
        self._pending.finish_all()

    def pump_due_ns(self, pumped_ns: int) -> int:
        """When readings must be passed on: rarely, since a few cost as much as many."""
        due_ns = pumped_ns + PUMP_PERIOD_NS
        if not any(client.watches for client in self._clients.values()):
            due_ns = max(due_ns, self._recordings.flush_due_ns() or due_ns)
        return min(due_ns, self.answers.due_ns or due_ns)

    def pump(self, now_ns: int) -> None:
        """Pass on readings; answer, flush, push totals and end what is due."""
        # Asked before the pump: a reading that comes in during it is not yet passed on.
        settled = self.answers.are_due(now_ns)
        self._recordings.pump()
        if settled:
            self.answers.give(now_ns)
            self._recordings.finish_ending()
        self._recordings.flush(now_ns)
        self.answers.push(now_ns)

    def note_fault(self, what: str) -> None:
        """Note a fault of the recorder in every run that it may have touched."""
        self._recordings.note_fault(what)

    def _wake_if_settling(self) -> None:
        """An extra reading is in. Runs in a sampler's thread: it only reads one attribute."""
        if self.answers.due_ns is not None:
            self._wake()

    # Requests

    def handle(self, client: ServedClient, message: Message) -> None:
        """Answer a request; ProtocolError where it is not allowed."""
        if message["op"] == "hello":
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

    def take_found(self) -> None:
        """Take in the sensors that a search has found, and begin what waited for it."""
        found = None if self._rediscovery is None else self._rediscovery.pop()
        if found is not None:
            self._devices.take_found(found)
        self.admission.begin_delayed()

    def _take_in(self, found: Discovery) -> None:
        self._pending.discovery = found
        self._recordings.take_in(found.probes)

    def _mark(self, client: ServedClient, message: Message) -> None:
        recording = self._recording_of(client)
        if recording is None or client.key not in recording.sources:
            return  # a mark that was on its way when the recording ended
        if recording.mark(client.key, message):
            self._recordings.request_reading(recording)
        if message["event"] == Event.RUN_BEGIN:
            self._recordings.observe_work()

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
            "channels": [c.name for c in self._devices.discovery.channels],
            "refusals": [f"{r.source}: {r.reason}" for r in self._devices.discovery.refusals],
            "log": None if self._log is None or client.is_restricted else dict(self._log.facts),
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
            self._devices.programs.forget(client.key)
            return
        self._devices.programs.leave(client.key)
        recording.end_source(client.key, status, dropped_marks, ended_ns)
        if final or not recording.sources:
            self._end_recording(token, Status.INTERRUPTED)
        else:
            self._recordings.observe_work()

    def _end_recording(self, token: str, status: str) -> None:
        if not self._recordings.is_ending(token):
            for key in self._recordings.active[token].sources:
                self._devices.programs.leave(key)
            self._recordings.end(token, status)
            self.answers.await_readings()

    def _file_ended(self, token: str, why: str | None) -> None:
        """A file is closed. Runs in a writer's thread."""
        self._finished.append((token, why))
        self._wake()

    def report_finished(self) -> None:
        """Tell clients of the files that have been closed."""
        while self._finished:
            token, why = self._finished.pop()
            if why is not None and self.admission.refuse(token, why):
                continue
            if self._log is not None:
                self._log.note_ended(token, why)
            recording = self._recordings.forget(token)
            for client in list(self._clients.values()):
                if client.recording == token and recording is not None:
                    with self._guard.around(client):
                        client.recording = None
                        client.send({"op": "ended", "failure": why, "status": recording.status})
