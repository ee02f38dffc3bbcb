"""Whose messages are handled next: the owner's, then the others' as far as their allowance goes."""

from collections.abc import Iterator

import pytest

from effmeter.recorder.allowance import BURST_NS, Allowances, cost_ns
from effmeter.recorder.disposal import Disposal
from effmeter.recorder.guard import FaultLog, Guard
from effmeter.recorder.served_client import ServedClient
from effmeter.recorder.turns import OTHER_MESSAGES, OWN_MESSAGES, Turns
from effmeter.wire.protocol import Message
from tests.recorder.served import Pair
from tests.simulated.clock import ManualClock

ASK = {"op": "ask", "number": 1}


class Served:
    """Clients with messages, and what has been handled of them."""

    def __init__(self) -> None:
        self.clock = ManualClock(time_ns=10**9)
        self.handled: list[ServedClient] = []
        self.emptied: list[ServedClient] = []
        self.faults: list[str] = []
        self.pairs: list[Pair] = []
        self.guard = Guard(FaultLog(self.clock, self.faults.append))
        self.allowances = Allowances()
        self.turns = Turns(
            self.allowances,
            Disposal(),
            self.clock,
            self.guard,
            self._handle,
            self.emptied.append,
        )
        self.bad: ServedClient | None = None
        self.takes_s = 0.0

    def _handle(self, client: ServedClient, message: Message) -> None:
        self.handled.append(client)
        self.clock.advance(self.takes_s)
        if client is self.bad:
            raise KeyError("a bug")
        if message["op"] == "watch":
            client.is_held = True

    def client(self, *messages: Message, restricted: bool = False) -> ServedClient:
        pair = Pair(restricted=restricted)
        self.pairs.append(pair)
        pair.say(*messages)
        pair.client.receive()
        self.turns.add(pair.client)
        return pair.client


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    for pair in made.pairs:
        pair.close()


def test_the_owner_comes_before_the_others(served: Served) -> None:
    other = served.client(ASK, restricted=True)
    own = served.client(ASK)
    served.turns.handle_some()
    assert served.handled == [own, other]
    assert served.emptied == [own, other]


def test_a_step_handles_few_messages_of_each(served: Served) -> None:
    other = served.client(*[ASK] * 50, restricted=True)
    own = served.client(*[ASK] * 100)
    served.turns.handle_some()
    assert served.handled.count(own) == OWN_MESSAGES
    assert served.handled.count(other) == OTHER_MESSAGES
    assert served.emptied == []


def test_a_user_in_debt_waits_until_it_is_paid_however_many_connections_it_has(
    served: Served,
) -> None:
    for _ in range(3):
        served.client(*[ASK] * 50, restricted=True)
    uid = served.pairs[0].client.peer.uid
    now_ns = served.clock.now_ns()
    served.allowances.spend(uid, BURST_NS, now_ns)
    served.turns.handle_some()
    assert len(served.handled) == 1, "one message makes the debt"
    due_ns = served.turns.due_ns(now_ns)
    assert due_ns is not None
    assert due_ns >= now_ns + 9 * cost_ns("ask", 0)
    served.turns.handle_some()
    assert len(served.handled) == 1
    served.clock.advance((due_ns - now_ns) * 1e-9)
    served.turns.handle_some()
    assert len(served.handled) == 2


def test_the_others_come_in_turn_where_a_step_has_no_time_for_all(served: Served) -> None:
    clients = [served.client(ASK, ASK, restricted=True) for _ in range(3)]
    served.takes_s = 0.01
    for _ in range(3):
        served.turns.handle_some()
        served.allowances = Allowances()
        served.turns._allowances = served.allowances
    assert {c.key for c in served.handled} == {c.key for c in clients}


def test_a_message_costs_the_time_that_it_took(served: Served) -> None:
    served.client(ASK, ASK, restricted=True)
    served.takes_s = 1.0
    served.turns.handle_some()
    assert len(served.handled) == 1
    now_ns = served.clock.now_ns()
    due_ns = served.turns.due_ns(now_ns)
    assert due_ns is not None
    assert due_ns > now_ns + 5 * 10**9


def test_a_fault_of_one_client_reaches_no_other(served: Served) -> None:
    served.bad = served.client(ASK, ASK)
    good = served.client(ASK)
    served.turns.handle_some()
    assert served.handled == [served.bad, good]
    assert served.guard.pop_condemned() == [served.bad]
    assert len(served.faults) == 1


def test_a_client_that_is_held_waits_until_it_is_added_again(served: Served) -> None:
    client = served.client({"op": "watch"}, ASK)
    served.turns.handle_some()
    served.turns.handle_some()
    assert len(served.handled) == 1
    assert served.turns.due_ns(0) is None
    client.is_held = False
    served.turns.add(client)
    served.turns.handle_some()
    assert len(served.handled) == 2


def test_what_a_program_sent_before_it_ended_is_handled(served: Served) -> None:
    client = served.client(ASK)
    served.pairs[0].say(*[ASK] * 3)
    served.turns.handle_last(client)
    assert len(served.handled) == 4
