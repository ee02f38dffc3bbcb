"""Whose messages the loop handles next: the owner's and root's, then the others' in turn."""

from collections.abc import Callable

from effmeter.clock import Clock
from effmeter.recorder.allowance import Allowances, cost_ns
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.guard import Guard
from effmeter.recorder.served_client import ServedClient
from effmeter.wire.protocol import Message

OWN_MESSAGES = 64
"""The most messages of one connection of the owner or root that are handled in one step."""
OTHER_MESSAGES = 4
OTHERS_NS = 4_000_000
"""The longest that one step handles messages of other users."""
CLOGGED_AGAIN_NS = 50_000_000


class Turns:
    """The clients with messages to handle; ``handle`` is called with each message.

    ``on_empty`` is called when all messages of a client are handled: more can be received.
    """

    def __init__(
        self,
        allowances: Allowances,
        disposal: Disposal,
        clock: Clock,
        guard: Guard,
        handle: Callable[[ServedClient, Message], None],
        on_empty: Callable[[ServedClient], None],
    ) -> None:
        self._allowances = allowances
        self._disposal = disposal
        self._clock = clock
        self._guard = guard
        self._handle = handle
        self._on_empty = on_empty
        self._own: dict[int, ServedClient] = {}
        self._others: dict[int, ServedClient] = {}

    def add(self, client: ServedClient) -> None:
        """A client has messages to handle, or has been released."""
        if not client.is_held:
            self._queue_of(client)[client.key] = client

    def remove(self, client: ServedClient) -> None:
        """A client has hung up."""
        self._queue_of(client).pop(client.key, None)

    def due_ns(self, now_ns: int) -> int | None:
        """When the next message can be handled; None where none waits."""
        if self._own:
            return now_ns
        return min((self._free_ns(uid, now_ns) for uid in self._uids()), default=None)

    def handle_some(self) -> None:
        """Handle some messages of every client, as far as time and their allowances go."""
        for client in list(self._own.values()):
            self._serve(client, OWN_MESSAGES)
        until_ns = self._clock.now_ns() + OTHERS_NS
        for client in list(self._others.values()):
            now_ns = self._clock.now_ns()
            if now_ns > until_ns:
                break
            if self._free_ns(client.peer.uid, now_ns) <= now_ns:
                self._others.pop(client.key, None)  # the others come before its next turn
                self._others[client.key] = client
                self._serve(client, OTHER_MESSAGES)

    def handle_last(self, client: ServedClient) -> None:
        """Handle what a client sent before it ended."""
        with self._guard.around(client):
            while True:
                self._serve(client, OWN_MESSAGES)
                if client.has_received or client.is_held or not client.receive():
                    return
                if not client.has_received:
                    return

    def _serve(self, client: ServedClient, most: int) -> None:
        """Handle some messages of a client; they end with one that holds it."""
        with self._guard.around(client):
            for _ in range(most):
                if client.is_held:
                    self.remove(client)
                    return
                begin_ns = self._clock.now_ns()
                request = client.next_request()
                if request is None:
                    self.remove(client)
                    self._on_empty(client)
                    return
                self._handle(client, request.message)
                if client.is_restricted:
                    least_ns = cost_ns(request.message["op"], request.size_bytes)
                    self._charge(client, least_ns, begin_ns)
                    if self._free_ns(client.peer.uid, begin_ns) > begin_ns:
                        return
            return
        self.remove(client)

    def _charge(self, client: ServedClient, least_ns: int, begin_ns: int) -> None:
        now_ns = self._clock.now_ns()
        self._allowances.spend(client.peer.uid, max(least_ns, now_ns - begin_ns), now_ns)

    def _free_ns(self, uid: int, now_ns: int) -> int:
        if self._disposal.is_clogged(uid):
            return now_ns + CLOGGED_AGAIN_NS
        return self._allowances.free_ns(uid, now_ns)

    def _uids(self) -> set[int]:
        return {client.peer.uid for client in self._others.values()}

    def _queue_of(self, client: ServedClient) -> dict[int, ServedClient]:
        return self._others if client.is_restricted else self._own
