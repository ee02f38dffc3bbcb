"""Faults that a client causes: kept from the others, written once, then counted."""

from effmeter.recorder.guard import QUIET_NS, FaultLog, Guard
from effmeter.wire.protocol import ProtocolError
from tests.recorder.served import Pair
from tests.simulated.clock import ManualClock


def fault(text: str = "bad") -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_a_fault_is_written_once_and_then_counted() -> None:
    clock, written = ManualClock(time_ns=10**9), list[str]()
    log = FaultLog(clock, written.append)
    assert log.note(fault())
    assert [log.note(fault()) for _ in range(500)] == [False] * 500
    assert len(written) == 1
    assert "ValueError: bad" in written[0]
    clock.advance(QUIET_NS * 1e-9 + 1)
    assert log.note(fault("again"))
    assert written[1] == "effmeter: 500 more faults of kinds that are shown above\n"
    assert "ValueError: again" in written[2]


def test_another_fault_is_written_too() -> None:
    written = list[str]()
    log = FaultLog(ManualClock(time_ns=10**9), written.append)
    log.note(fault())
    assert log.note(KeyError("other"))
    assert len(written) == 2


def test_a_guard_keeps_faults_and_condemns_their_client() -> None:
    written = list[str]()
    guard = Guard(FaultLog(ManualClock(time_ns=10**9), written.append))
    pair = Pair()
    with guard.around(pair.client):
        raise fault()
    with guard.around(pair.client):
        raise ProtocolError("no message")
    with guard.around(pair.client):
        pass
    assert guard.pop_condemned() == [pair.client] * 2
    assert guard.pop_condemned() == []
    assert len(written) == 1, "what does not fit the protocol is no bug"
    assert [m["reason"] for m in pair.heard()] == ["no message"]
    pair.close()
