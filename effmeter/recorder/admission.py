"""How programs get into recordings: by beginning one, or by joining one that goes on.

A recording begins once a search for sensors has ended, where one is under way, and its file has
been checked. Until then the messages of its client are held back.
"""

from collections.abc import Callable, Mapping

from effmeter.clock import Clock
from effmeter.probes.base import Boundary
from effmeter.recorder.guard import Guard
from effmeter.recorder.pending import PendingRecordings
from effmeter.recorder.program_devices import ProgramDevices, ProgramKey
from effmeter.recorder.recordings import Recordings
from effmeter.recorder.rediscovery import Rediscovery
from effmeter.recorder.served_client import ServedClient
from effmeter.recorder.visibility import without_answers
from effmeter.status import Status
from effmeter.wire.protocol import Message

MOST_PROGRAMS = 256
"""The most programs of a restricted user in one recording: each is remembered to its end."""


class Admission:
    """Lets clients into recordings; ``on_enter`` is called when one is in.

    ``clients`` are those still connected, by key.
    """

    def __init__(
        self,
        recordings: Recordings,
        pending: PendingRecordings,
        programs: ProgramDevices,
        rediscovery: Rediscovery | None,
        clients: Mapping[int, ServedClient],
        clock: Clock,
        on_enter: Callable[[], None],
        guard: Guard,
    ) -> None:
        self._guard = guard
        self._recordings = recordings
        self._pending = pending
        self._programs = programs
        self._rediscovery = rediscovery
        self._clients = clients
        self._clock = clock
        self._on_enter = on_enter
        self._delayed: list[tuple[ServedClient, Message]] = []
        """Requests to begin that wait for a search for sensors."""
        self._joining: list[tuple[ServedClient, Message]] = []
        """Requests to join recordings that are about to begin, as with a successor."""
        self._decided: list[ServedClient] = []

    def begin(self, client: ServedClient, message: Message) -> None:
        """Take a request to begin a recording."""
        if self._rediscovery is not None:
            self._rediscovery.request()
            if self._rediscovery.is_awaited(self._clock.now_ns()):
                client.is_held = True
                self._delayed.append((client, message))
                return
        self._pending.begin(client, message, self._recordings.unfinished)

    @property
    def is_delaying(self) -> bool:
        """Whether a recording waits for a search for sensors."""
        return bool(self._delayed)

    def begin_delayed(self) -> None:
        """Begin what waited for a search that has ended."""
        awaited = self._rediscovery is not None and self._rediscovery.is_awaited(
            self._clock.now_ns()
        )
        if not self._delayed or awaited:
            return
        delayed, self._delayed = self._delayed, []
        for client, message in delayed:
            if client.key not in self._clients:
                continue
            with self._guard.around(client):
                self._pending.begin(client, message, self._recordings.unfinished)
            if client.recording is None:
                self._decided.append(client)

    def begin_ready(self) -> None:
        """Begin the recordings whose file has been found fit."""
        for pending in self._pending.pop_ready():
            token, client = pending.token, pending.client
            if client.key not in self._clients:
                pending.recording.finish(())  # its client is gone already
                continue
            self._recordings.add(token, pending.recording)
            with self._guard.around(client):
                self._enter(client, token, pending.message)
            if client.key not in pending.recording.sources:
                self._recordings.end(token, Status.INTERRUPTED)
            self._decided.append(client)
        joining, self._joining = self._joining, []
        for client, message in joining:
            if client.key in self._clients and not self._join_later(client, message):
                with self._guard.around(client):
                    self.join(client, message)
                self._decided.append(client)

    def refuse(self, token: str, why: str) -> bool:
        """Refuse the recording that waits under a token; whether one does."""
        refused = self._pending.refuse(token, why)
        if refused is not None:
            self._decided.append(refused)
        return refused is not None

    def pop_decided(self) -> list[ServedClient]:
        """The clients whose recording has been accepted or refused: their held messages are due."""
        decided, self._decided = self._decided, []
        return decided

    def join(self, client: ServedClient, message: Message) -> None:
        """Take a request to join a recording, or refuse it."""
        if self._join_later(client, message):
            return
        token = message["recording"]
        recording = self._recordings.get(token)
        allowed = recording is not None and client.peer.uid in (0, recording.owner_uid)
        is_over = recording is None or self._recordings.is_ending(token)
        if recording is None or is_over or not allowed or client.recording:
            client.send({"op": "refused", "reason": "there is no such recording to join"})
            return
        if client.is_restricted and len(recording.totals.programs) >= MOST_PROGRAMS:
            reason = f"{MOST_PROGRAMS} programs have joined that recording already"
            client.send({"op": "refused", "reason": reason})
            return
        client.has_joined = True
        self._enter(client, token, message)

    def _join_later(self, client: ServedClient, message: Message) -> bool:
        """Hold a request to join a recording whose file is being checked; whether it is."""
        if message["recording"] not in self._pending.waiting or client.recording:
            return False
        client.is_held = True
        self._joining.append((client, message))
        return True

    def _enter(self, client: ServedClient, token: str, message: Message) -> None:
        recording, pid = self._recordings.active[token], client.peer.pid
        client.recording = token
        rank = message.get("rank")
        label = f"{message['host']}/{'-' if rank is None else rank}/{pid}"
        program = without_answers(message["program"])
        recording.add_source(client.key, {**message, "program": program}, label, pid)
        own = ProgramKey(client.peer.uid, message.get("program_id") or "")
        self._programs.enter(client.key, recording, program, own, pid)
        self._recordings.observe_soon()
        client.awaits_begun = True
        self._recordings.request_reading(recording, Boundary.BEGIN)
        self._on_enter()
