"""The recorder's loop between clients on one side, samplers and run files on the other.

One thread waits for sockets, deaths of clients and wake-ups. It makes no blocking call: sensors are
read, files checked and written, and what clients hand over closed in threads of their own.
"""

import contextlib
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from effmeter.clock import Clock, SystemClock
from effmeter.probes.base import Discovery
from effmeter.recorder.allowance import Allowances
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.entrance import Entrance
from effmeter.recorder.guard import FaultLog, Guard
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.rediscovery import Rediscovery, SearchAgain
from effmeter.recorder.registry import Registry
from effmeter.recorder.served_client import ServedClient
from effmeter.recorder.turns import Turns

GREETING_TIMEOUT_NS = 10_000_000_000
STOP_TIMEOUT_NS = 10_000_000_000
IDLE_EXIT_NS = 10_000_000_000
CARE_PERIOD_NS = 50_000_000
"""How often connections with unsent messages, or without a greeting, are looked at."""
SWITCH_INTERVAL_S = 2e-4
"""The longest that the loop keeps the GIL from a sampler whose deadline has come. Python's default,
5 ms, would miss deadlines at 1 kHz."""
_READABLE = selectors.EVENT_READ


class _Source(NamedTuple):
    """What to do when a descriptor is readable; the lower ranks first."""

    rank: int
    act: Callable[[], None]


_OWN, _LISTENER, _OTHER, _DEATH = range(4)


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
        faults: FaultLog | None = None,
        log: tuple[LogPlan, LogFolder] | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._policy = policy
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        self._watch(self._wake_read, _OWN, self._drain_wake)
        rediscovery = search_again and Rediscovery(search_again, self._clock, self.wake)
        self._guard = Guard(faults or FaultLog(self._clock))
        self._disposal = Disposal()
        self._registry = Registry(
            discovery,
            policy,
            self._clock,
            self.wake,
            rediscovery or None,
            self._guard,
            self._disposal,
            log,
        )
        self._allowances = Allowances()
        self._turns = Turns(
            self._allowances,
            self._disposal,
            self._clock,
            self._guard,
            self._registry.handle,
            self._watch_client,
        )
        self._entrance = Entrance(
            policy, self._clock, self._allowances, self._disposal, self._take_in
        )
        self._listeners: list[socket.socket] = []
        self._clients: dict[int, ServedClient] = {}
        self._pumped_ns = 0
        self._cared_ns = 0
        self._started_ns = self._idle_since_ns = self._clock.now_ns()
        self._stopping_since_ns = self._started_ns

    # From outside of the loop

    def listen(self, listener: socket.socket) -> None:
        """Take connections from a listening socket; from the first one first."""
        listener.setblocking(False)
        self._listeners.append(listener)
        self._watch_listener(listener)

    def adopt(self, sock: socket.socket) -> None:
        """Serve a client whose connected socket was inherited."""
        self._entrance.admit(sock)

    def stop(self) -> None:
        """End every recording and then the loop; safe from a signal handler."""
        self._registry.stop_requested = True
        self.wake()

    def wake(self) -> None:
        """End the wait of the loop now; safe from any thread and signal handler."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_write, b"x")

    def run(self) -> None:
        """Serve until stopped or done; where the loop fails, its recordings end properly first."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._registry.start()
        try:
            while not self._is_done():
                self._step()
        except Exception as error:
            self._end_after(error)
            raise
        finally:
            self._registry.close()
            for client in list(self._clients.values()):
                self._drop(client)

    def _end_after(self, error: Exception) -> None:
        """The loop has failed: end each recording, with the fault as its status."""
        self._registry.finish_all(f"{type(error).__name__}: {error}")
        until_s = time.monotonic() + STOP_TIMEOUT_NS * 1e-9
        while self._registry.is_busy and time.monotonic() < until_s:
            with contextlib.suppress(Exception):
                self._registry.report_finished()
            time.sleep(0.01)

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
        events = self._selector.select(self._until_next_s())
        for source in sorted((key.data for key, _ in events), key=lambda s: s.rank):
            source.act()
        # Requests first: readings that a mark asks for belong to the pump that follows.
        self._registry.take_found()
        self._registry.admission.begin_ready()
        self._turns.handle_some()
        self._registry.keep_log()
        self._pump_if_due()
        self._registry.report_finished()
        # What a client said while its file was checked waits, and is due now.
        for client in self._registry.admission.pop_decided():
            client.is_held = False
            if client.key in self._clients:
                self._turns.add(client)
        for client in self._guard.pop_condemned():
            self._drop(client)
        self._look_after_connections(self._clock.now_ns())

    def _pump_if_due(self) -> None:
        now_ns = self._clock.now_ns()
        is_due = self._registry.pump_due_ns(self._pumped_ns) <= now_ns
        if not is_due and not self._registry.answers.are_due(now_ns):
            return
        self._pumped_ns = now_ns
        try:
            self._registry.pump(now_ns)
        except Exception as error:  # one bad reading must not end every recording
            if self._guard.faults.note(error):
                self._registry.note_fault(f"{type(error).__name__}: {error}")

    def _until_next_s(self) -> float | None:
        now_ns = self._clock.now_ns()
        due_ns = [self._turns.due_ns(now_ns), self._entrance.closed_until_ns]
        if self._registry.is_recording or self._registry.answers.due_ns is not None:
            due_ns.append(self._registry.pump_due_ns(self._pumped_ns))
        if self._registry.admission.is_delaying or any(
            client.has_unsent or not client.greeted for client in self._clients.values()
        ):
            due_ns.append(max(now_ns, self._cared_ns + CARE_PERIOD_NS))
        if self._registry.has_log:
            due_ns.append(now_ns + 1_000_000_000)
        waits_for_first = self._policy.is_private and not self._clients
        if self._registry.stop_requested or waits_for_first:
            due_ns.append(now_ns + 500_000_000)
        first_ns = min((ns for ns in due_ns if ns is not None), default=None)
        return None if first_ns is None else max(0.0, (first_ns - now_ns) * 1e-9)

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_read, 4096):
                pass

    # Connections

    def _watch(self, source: socket.socket | int, rank: int, act: Callable[[], None]) -> None:
        self._selector.register(source, _READABLE, _Source(rank, act))

    def _watch_listener(self, listener: socket.socket) -> None:
        self._watch(listener, _LISTENER, lambda: self._entrance.accept_from(listener))

    def _take_in(self, client: ServedClient) -> None:
        self._clients[client.key] = client
        self._watch_client(client)
        if client.end_of_life is not None:
            self._watch(client.end_of_life, _DEATH, lambda: self._see_off(client))

    def _watch_client(self, client: ServedClient) -> None:
        """Receive from a client: all that it has sent is handled."""
        if client.key in self._clients and client.socket not in self._selector.get_map():
            rank = _OTHER if client.is_restricted else _OWN
            self._watch(client.socket, rank, lambda: self._receive(client))

    def _receive(self, client: ServedClient) -> None:
        """Receive once; the rest waits in the socket until that is handled."""
        with self._guard.around(client):
            if not client.receive():
                self._drop(client)
                return
            self._selector.unregister(client.socket)
            self._turns.add(client)

    def _see_off(self, client: ServedClient) -> None:
        """Handle what a program sent before it ended, and forget it."""
        self._turns.handle_last(client)
        self._drop(client)

    def _look_after_connections(self, now_ns: int) -> None:
        closed_until_ns = self._entrance.closed_until_ns
        is_closed = closed_until_ns is not None and now_ns < closed_until_ns
        for listener in self._listeners:
            is_watched = listener in self._selector.get_map()
            if is_closed and is_watched:
                self._selector.unregister(listener)
            elif not is_closed and not is_watched:
                self._watch_listener(listener)
        if not is_closed:
            self._entrance.closed_until_ns = None
        if now_ns - self._cared_ns < CARE_PERIOD_NS:
            return
        self._cared_ns = now_ns
        self._allowances.keep(self._entrance.places.uids, now_ns)
        for client in list(self._clients.values()):
            if not client.greeted and now_ns - client.since_ns > GREETING_TIMEOUT_NS:
                self._drop(client)
            elif client.has_unsent:
                client.flush()

    def _drop(self, client: ServedClient) -> None:
        """Forget a client and close its socket; what it left open ends as interrupted."""
        if self._clients.pop(client.key, None) is None:
            return
        for descriptor in (client.socket, client.end_of_life):
            with contextlib.suppress(KeyError, ValueError):
                if descriptor is not None:
                    self._selector.unregister(descriptor)
        self._turns.remove(client)
        self._entrance.places.leave(client.peer)
        with self._guard.around(client):
            self._registry.forget(client)
        self._disposal.discard(client.peer.uid, client.detach())
