"""A session whose recorder is a script: it keeps what is sent and gives totals out in order."""

from collections import deque
from collections.abc import Iterable, Sequence

from effmeter.client.request import RecordingRequest
from effmeter.client.session import Session
from effmeter.energy import Energy
from effmeter.energy.message import energy_message
from effmeter.wire.protocol import Message

S = 1_000_000_000


def total(
    time_s: float,
    used_j: float,
    *,
    read_s: float | None = None,
    counted_from_s: float = 0.0,
    unread: Sequence[str] = (),
) -> Message:
    """What a recorder answers at a time: the energy so far, as it was read at ``read_s``."""
    return {
        "op": "total",
        "number": 1,
        "time_ns": round(time_s * S),
        "read_ns": round((time_s if read_s is None else read_s) * S),
        "counted_from_ns": [round(counted_from_s * S)] * 2,
        "energy": energy_message(Energy.exactly(used_j)),
        "components": {},
        "cover": ["cpu0"],
        "estimated": [],
        "missing": [],
        "unread": list(unread),
    }


class ScriptedSession(Session):
    """Its recorder answers each request for a total with the next of ``answers``."""

    def __init__(self, *answers: Message | None, is_owner: bool = True) -> None:
        super().__init__(RecordingRequest("scripted"), {})
        self.answers = deque(answers)
        self.arrived: list[Message] = []
        """Answers to requests that nothing waited for."""
        self.pushed: Message | None = None
        self.before: Message | None = None
        """The total that the recorder sent when the program joined."""
        self.marks: list[Message] = []
        self.asked = self.requested = 0
        self.answers_still = True
        self._began = is_owner

    @property
    def is_owner(self) -> bool:
        return self._began

    @property
    def total_before(self) -> Message | None:
        return self.before

    @property
    def is_alive(self) -> bool:
        return self.answers_still

    def mark(self, message: Message) -> None:
        self.marks.append({name: value for name, value in message.items() if name != "op"})

    def ask_total(self) -> Message | None:
        self.asked += 1
        return self.answers.popleft() if self.answers else None

    def request_total(self) -> None:
        self.requested += 1

    def pop_totals(self) -> list[Message]:
        arrived, self.arrived = self.arrived, []
        return arrived

    def latest_total(self) -> Message | None:
        return self.pushed

    def sent(self, *events: str) -> list[Message]:
        """The marks of these events, without their times."""
        found = (mark for mark in self.marks if mark["event"] in events)
        return [{k: v for k, v in mark.items() if k != "time_ns"} for mark in found]


def answers(used_j: Iterable[float], begin_s: float = 0.0) -> list[Message]:
    """Totals a second apart."""
    return [total(begin_s + second, energy_j) for second, energy_j in enumerate(used_j)]
