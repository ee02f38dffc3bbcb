"""The recorder's loop between clients on one side, samplers and run files on the other.

One thread waits for sockets, deaths of clients and wake-ups. It makes no blocking call: sensors are
read, files checked and written in threads of their own, which leave results and wake it.
"""

import contextlib
import os
import selectors
import socket
import sys
import traceback
from collections.abc import Callable

from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Discovery
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.rediscovery import Rediscovery, SearchAgain
from effmeter.recorder.registry import Registry
from effmeter.recorder.served_client import ServedClient
from effmeter.wire.peer import Peer
from effmeter.wire.protocol import Message, ProtocolError

MAX_CONNECTIONS = 256
MAX_CONNECTIONS_OF_OTHERS = 64
GREETING_TIMEOUT_NS = 10_000_000_000
STOP_TIMEOUT_NS = 10_000_000_000
IDLE_EXIT_NS = 10_000_000_000
SWITCH_INTERVAL_S = 2e-4
"""The longest that the loop keeps the GIL from a sampler whose deadline has come. Python's default,
5 ms, would miss deadlines at 1 kHz."""
_READABLE = selectors.EVENT_READ


class Server:
    """Serves clients until it is stopped or, if private, nothing is left to record.

    ``search_again`` looks for sensors that have appeared since; None: there is no such search.
    ``log``: the machine's log and its folder; None: none is kept.
    """

    def __init__(
        self,
        discovery: Discovery,
        policy: ServicePolicy,
        clock: Clock | None = None,
        search_again: SearchAgain | None = None,
        log: tuple[LogPlan, LogFolder] | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._policy = policy
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        self._selector.register(self._wake_read, _READABLE, self._drain_wake)
        rediscovery = search_again and Rediscovery(search_again, self._clock, self.wake)
        self._registry = Registry(
            discovery, policy, self._clock, self.wake, rediscovery or None, log
        )
        self._clients: dict[int, ServedClient] = {}
        self._pumped_ns = 0
        self._started_ns = self._idle_since_ns = self._clock.now_ns()
        self._stopping_since_ns = self._started_ns

    # From outside of the loop

    def listen(self, listener: socket.socket) -> None:
        """Take connections from a listening socket."""
        listener.setblocking(False)
        self._selector.register(listener, _READABLE, lambda: self._accept_from(listener))

    def adopt(self, sock: socket.socket) -> None:
        """Serve a client whose connected socket was inherited."""
        self._admit(sock)

    def stop(self) -> None:
        """End every recording and then the loop; safe from a signal handler."""
        self._registry.stop_requested = True
        self.wake()

    def wake(self) -> None:
        """End the wait of the loop now; safe from any thread and signal handler."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_write, b"x")

    def run(self) -> None:
        """Serve until stopped or done."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._registry.start()
        try:
            while not self._is_done():
                self._step()
        finally:
            self._registry.close()
            for client in list(self._clients.values()):
                self._drop(client)

    # The loop

    def _is_done(self) -> bool:
        now_ns = self._clock.now_ns()
        if self._registry.stop_requested:
            self._registry.end_all()
            waited_ns = now_ns - self._stopping_since_ns
            return not self._registry.is_busy or waited_ns > STOP_TIMEOUT_NS
        self._stopping_since_ns = now_ns
        if self._registry.is_busy or self._clients:
            self._idle_since_ns = now_ns
        served = self._idle_since_ns > self._started_ns
        patience_ns = 0 if served else IDLE_EXIT_NS
        return self._policy.is_private and now_ns - self._idle_since_ns > patience_ns

    def _step(self) -> None:
        for key, _ in self._selector.select(self._until_next_s()):
            key.data()
        # Requests first: readings that a mark asks for belong to the pump that follows.
        self._registry.take_found()
        self._registry.admission.begin_ready()
        self._registry.keep_log()
        now_ns = self._clock.now_ns()
        if self._registry.pump_due_ns(self._pumped_ns) <= now_ns or self._registry.answers.are_due(
            now_ns
        ):
            self._pumped_ns = now_ns
            self._pump(now_ns)
        self._registry.report_finished()
        # What a client said while its file was checked was held back, and is due now.
        for client in self._registry.admission.pop_decided():
            if client.key in self._clients:
                self._handle(client, client.release)
        self._look_after_connections(now_ns)

    def _pump(self, now_ns: int) -> None:
        try:
            self._registry.pump(now_ns)
        except Exception as error:  # one bad reading must not end every recording
            traceback.print_exc()
            self._registry.note_fault(f"{type(error).__name__}: {error}")

    def _until_next_s(self) -> float | None:
        waits = any(c.paused_until_ns or c.has_unsent for c in self._clients.values())
        if self._registry.is_recording or self._registry.answers.due_ns is not None:
            due_ns = self._registry.pump_due_ns(self._pumped_ns)
            until_s = max(0.0, (due_ns - self._clock.now_ns()) * 1e-9)
            return min(until_s, 0.05) if waits or self._registry.admission.is_delaying else until_s
        if waits or self._registry.admission.is_delaying:
            return 0.05
        if self._registry.has_log or not all(c.greeted for c in self._clients.values()):
            return 1.0
        if self._registry.stop_requested:
            return 0.5
        waits_for_first = self._policy.is_private and not self._clients
        return 0.5 if waits_for_first else None

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_read, 4096):
                pass

    # Connections

    def _accept_from(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock, _ = listener.accept()
            if len(self._clients) >= MAX_CONNECTIONS:
                sock.close()
                return
            self._admit(sock)

    def _is_crowded(self, peer: Peer) -> bool:
        """Whether a restricted user has all the connections that it may have."""
        if not self._policy.is_restricted(peer):
            return False
        theirs = sum(c.peer.uid == peer.uid for c in self._clients.values())
        return theirs >= MAX_CONNECTIONS_OF_OTHERS

    def _admit(self, sock: socket.socket) -> None:
        try:
            client = ServedClient(sock, self._policy, self._clock.now_ns())
        except OSError:
            sock.close()
            return
        if not self._policy.admits(client.peer) or self._is_crowded(client.peer):
            reason = "this recorder does not serve this user, or serves no more of its programs"
            client.send({"op": "refused", "reason": reason})
            client.close()
            return
        self._clients[client.key] = client
        self._selector.register(sock, _READABLE, self._serving(client))
        if client.end_of_life is not None:
            self._selector.register(client.end_of_life, _READABLE, lambda: self._drop(client))

    def _serving(self, client: ServedClient) -> Callable[[], None]:
        return lambda: self._serve(client)

    def _serve(self, client: ServedClient) -> None:
        self._handle(client, lambda: client.read(self._clock.now_ns()))
        if client.paused_until_ns and client.key in self._clients:
            self._selector.unregister(client.socket)

    def _handle(self, client: ServedClient, read: Callable[[], list[Message] | None]) -> None:
        try:
            messages = read()
            if messages is None:
                self._drop(client)
                return
            for message in messages:
                self._registry.handle(client, message)
        except ProtocolError as error:
            client.send({"op": "refused", "reason": str(error)})
            self._drop(client)
        except Exception:  # no client may end the recorder of the others
            traceback.print_exc()
            self._drop(client)

    def _look_after_connections(self, now_ns: int) -> None:
        for client in list(self._clients.values()):
            if not client.greeted and now_ns - client.since_ns > GREETING_TIMEOUT_NS:
                self._drop(client)
                continue
            if client.has_unsent:
                client.flush()
            if client.paused_until_ns and now_ns >= client.paused_until_ns:
                client.paused_until_ns = 0
                self._selector.register(client.socket, _READABLE, self._serving(client))

    def _drop(self, client: ServedClient) -> None:
        """Forget a client and close its socket; what it left open ends as interrupted."""
        if self._clients.pop(client.key, None) is None:
            return
        for descriptor in (client.socket, client.end_of_life):
            with contextlib.suppress(KeyError, ValueError):
                if descriptor is not None:
                    self._selector.unregister(descriptor)
        self._registry.forget(client)
        client.close()
