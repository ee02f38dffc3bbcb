"""Answers that wait for readings: the confirmation of a beginning, and totals."""

from collections.abc import Mapping

from effmeter.clock import Clock
from effmeter.recorder.recording import Recording
from effmeter.recorder.recordings import Recordings
from effmeter.recorder.served_client import ServedClient
from effmeter.wire.protocol import Message

SETTLE_NS = 300_000_000
"""The longest that an answer waits for the readings that it needs."""


class Answers:
    """Answers the clients once the readings that they asked for are in."""

    def __init__(
        self, recordings: Recordings, clients: Mapping[int, ServedClient], clock: Clock
    ) -> None:
        self.due_ns: int | None = None
        """When answers that wait for readings are due at the latest; None: none wait."""
        self._recordings = recordings
        self._clients = clients
        self._clock = clock

    def await_readings(self) -> None:
        """An answer waits for the readings that have just been requested."""
        if self.due_ns is None:
            self.due_ns = self._clock.now_ns() + SETTLE_NS

    def are_due(self, now_ns: int) -> bool:
        """Whether the readings are in, or have been waited for long enough."""
        return self.due_ns is not None and (self._recordings.is_quiet or now_ns >= self.due_ns)

    def ask(self, client: ServedClient, message: Message) -> None:
        """Take a request for a total, and for a reading that it takes in."""
        client.asks.append(message["number"])
        recording = self._recordings.get(client.recording)
        if recording is not None:
            self._recordings.request_reading(recording)
        self.await_readings()

    def watch(self, client: ServedClient, _message: Message) -> None:
        """Push totals to a client from now on."""
        client.watches = True

    def give(self, now_ns: int) -> None:
        """Answer everything that waits."""
        self.due_ns = None
        for client in self._clients.values():
            recording = self._recordings.get(client.recording)
            if recording is not None:
                self._confirm_begun(client, recording, now_ns)
                for number in client.asks:
                    total = recording.totals.as_message(now_ns)
                    client.send({"op": "total", "number": number, **total})
            client.asks.clear()

    def _confirm_begun(self, client: ServedClient, recording: Recording, now_ns: int) -> None:
        """Confirm the beginning once a reading is in: one must precede the first boundary.

        A program that has joined needs the total by now: its own energy counts from there.
        """
        if client.awaits_begun:
            client.awaits_begun = False
            begun = {"op": "begun", "recording": client.recording, "time_ns": now_ns}
            before = {"total": recording.totals.as_message(now_ns)} if client.has_joined else {}
            client.send({**begun, "rate_hz": 1 / recording.period_s, **before})

    def push(self, token: str, recording: Recording, now_ns: int) -> None:
        """Send the newest total to the clients that watch it."""
        watching = [c for c in self._clients.values() if c.watches and c.recording == token]
        if watching:
            total = {"op": "total", "number": 0, **recording.totals.as_message(now_ns)}
            for client in watching:
                client.push(total)
