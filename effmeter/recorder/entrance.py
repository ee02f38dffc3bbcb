"""Lets connections in: how many there are places for, and what happens when nothing is free."""

import contextlib
import resource
import socket
from collections import Counter
from collections.abc import Callable, Iterable

from effmeter.clock import Clock
from effmeter.recorder.allowance import CONNECTION_NS, Allowances
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.served_client import ServedClient
from effmeter.wire.peer import Peer, peer_of
from effmeter.wire.protocol import encode

MAX_CONNECTIONS = 512
KEPT_CONNECTIONS = 64
"""Places that only root and the owner can take."""
MAX_CONNECTIONS_OF_OTHERS = 64
"""The most connections of one other user."""
ACCEPTED_AT_ONCE = 32
CLOSED_NS = 1_000_000_000
"""For how long nothing is accepted after the descriptors of the process have run out."""
_DESCRIPTORS_EACH = 3
"""Of a connection: its socket, its process, a file on its way to the writer."""
_DESCRIPTORS_KEPT = 40


def most_connections() -> int:
    """The connections for which this process may open descriptors; raises its limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS * _DESCRIPTORS_EACH * 2
    limit = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(8, min(MAX_CONNECTIONS, (limit - _DESCRIPTORS_KEPT) // _DESCRIPTORS_EACH))


class Places:
    """The places for connections, by user."""

    def __init__(self, policy: ServicePolicy, most: int) -> None:
        self._policy = policy
        self._most = most
        self._kept = min(KEPT_CONNECTIONS, most // 4)
        self._taken: Counter[int] = Counter()

    @property
    def uids(self) -> Iterable[int]:
        """The users that are connected."""
        return self._taken.keys()

    def refusal(self, peer: Peer) -> str | None:
        """Why a user gets no place; None where it gets one."""
        if not self._policy.admits(peer):
            return "this recorder does not serve this user"
        others = sum(n for uid, n in self._taken.items() if self._policy.is_restricted_uid(uid))
        if not self._policy.is_restricted(peer):
            is_full = self._taken.total() >= self._most
            return "this recorder has no place for another program" if is_full else None
        if self._taken[peer.uid] >= MAX_CONNECTIONS_OF_OTHERS or others >= self._most - self._kept:
            return "this recorder serves no more programs of this user"
        return None

    def take(self, peer: Peer) -> None:
        """A connection begins."""
        self._taken[peer.uid] += 1

    def leave(self, peer: Peer) -> None:
        """A connection ends."""
        self._taken[peer.uid] -= 1
        if not self._taken[peer.uid]:
            del self._taken[peer.uid]


class Entrance:
    """Accepts connections; ``on_enter`` is called with each client that gets a place."""

    def __init__(
        self,
        policy: ServicePolicy,
        clock: Clock,
        allowances: Allowances,
        disposal: Disposal,
        on_enter: Callable[[ServedClient], None],
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._allowances = allowances
        self._disposal = disposal
        self._on_enter = on_enter
        self.places = Places(policy, most_connections())
        self.closed_until_ns: int | None = None
        """Until when nothing is accepted; None: it is open."""

    def accept_from(self, listener: socket.socket) -> None:
        """Accept the connections that wait, or some of many."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                sock, _address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor or no memory is free: the listener would stay readable
                self.closed_until_ns = self._clock.now_ns() + CLOSED_NS
                return
            self.admit(sock)

    def admit(self, sock: socket.socket) -> None:
        """Take in a connected socket, or refuse it."""
        now_ns = self._clock.now_ns()
        try:
            peer = peer_of(sock)
        except OSError:
            sock.close()
            return
        if self._policy.is_restricted(peer):
            self._allowances.spend(peer.uid, CONNECTION_NS, now_ns)
        refusal = self.places.refusal(peer)
        if refusal is not None:
            self._turn_away(sock, peer, refusal)
            return
        try:
            client = ServedClient(sock, self._policy, now_ns, peer)
        except OSError:
            self._disposal.discard(peer.uid, [sock.detach()])
            return
        self.places.take(peer)
        self._on_enter(client)

    def _turn_away(self, sock: socket.socket, peer: Peer, refusal: str) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.send(encode({"op": "refused", "reason": refusal}))
        self._disposal.discard(peer.uid, [sock.detach()])
