"""Answers that wait for readings: the confirmation of a beginning, and totals."""

from collections.abc import Mapping

from effmeter.clock import Clock
from effmeter.recorder.guard import Guard
from effmeter.recorder.recordings import Recordings
from effmeter.recorder.served_client import ServedClient
from effmeter.wire.protocol import Message

SETTLE_NS = 300_000_000
"""The longest that an answer waits for the readings that it needs."""


class Answers:
    """Answers the clients once the readings that they asked for are in."""

    def __init__(
        self,
        recordings: Recordings,
        clients: Mapping[int, ServedClient],
        clock: Clock,
        guard: Guard,
    ) -> None:
        self.due_ns: int | None = None
        """When answers that wait for readings are due at the latest; None: none wait."""
        self._recordings = recordings
        self._clients = clients
        self._clock = clock
        self._guard = guard
        self._totals: dict[str, Message] = {}
        """By recording; of one moment."""
        self._totals_ns = 0

    def await_readings(self) -> None:
        """An answer waits for the readings that have just been requested."""
        if self.due_ns is None:
            self.due_ns = self._clock.now_ns() + SETTLE_NS

    def are_due(self, now_ns: int) -> bool:
        """Whether the readings are in, or have been waited for long enough."""
        return self.due_ns is not None and (self._recordings.is_quiet or now_ns >= self.due_ns)

    def ask(self, client: ServedClient, message: Message) -> None:
        """Take a request for a total, and for a reading that it takes in.

        It replaces one that is not answered yet: the answer to the newest stands for all.
        """
        client.ask = message["number"]
        recording = self._recordings.get(client.recording)
        if recording is not None:
            self._recordings.request_reading(recording)
        self.await_readings()

    def watch(self, client: ServedClient, _message: Message) -> None:
        """Push totals to a client from now on."""
        client.watches = True

    def give(self, now_ns: int) -> None:
        """Answer everything that waits: root and the owner first."""
        self.due_ns = None
        waiting = [c for c in self._clients.values() if c.ask is not None or c.awaits_begun]
        for client in sorted(waiting, key=lambda c: c.is_restricted):
            with self._guard.around(client):
                self._answer(client, now_ns)

    def _answer(self, client: ServedClient, now_ns: int) -> None:
        number, client.ask = client.ask, None
        if client.recording is None or self._recordings.get(client.recording) is None:
            return
        self._confirm_begun(client, client.recording, now_ns)
        if number is not None:
            total = self._total(client.recording, now_ns)
            client.send({"op": "total", "number": number, **total})

    def _total(self, token: str, now_ns: int) -> Message:
        """The total of a recording by now, computed once however many ask for it."""
        if now_ns != self._totals_ns:
            self._totals_ns, self._totals = now_ns, {}
        if token not in self._totals:
            self._totals[token] = self._recordings.active[token].totals.as_message(now_ns)
        return self._totals[token]

    def _confirm_begun(self, client: ServedClient, token: str, now_ns: int) -> None:
        """Confirm the beginning once a reading is in: one must precede the first boundary.

        A program that has joined needs the total by now: its own energy counts from there.
        """
        if client.awaits_begun:
            client.awaits_begun = False
            period_s = self._recordings.active[token].period_s
            begun = {"op": "begun", "recording": token, "time_ns": now_ns, "rate_hz": 1 / period_s}
            before = {"total": self._total(token, now_ns)} if client.has_joined else {}
            client.send({**begun, **before})

    def push(self, now_ns: int) -> None:
        """Send the newest totals to the clients that watch them."""
        for client in self._clients.values():
            token = client.recording
            if client.watches and token is not None and self._recordings.get(token) is not None:
                with self._guard.around(client):
                    client.push({"op": "total", "number": 0, **self._total(token, now_ns)})
