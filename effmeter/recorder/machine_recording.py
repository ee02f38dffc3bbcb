"""The recording of the machine itself: all that its sensors show, no programs."""

from effmeter.recorder.observers.contention import MachineSnapshot
from effmeter.recorder.observers.memory import MemorySnapshot
from effmeter.recorder.observers.work import WorkSnapshot
from effmeter.recorder.recording import Recording
from effmeter.runfile.format import Event, NoteName
from effmeter.runfile.row import EventRow
from effmeter.status import Status
from effmeter.wire.protocol import Message

_MACHINE = 0
"""The key of its only source."""
_ROOT_ID = 1


class MachineRecording(Recording):
    """A recording whose block begins and ends at stated moments.

    Programs come and go on the machine: none of them is its own, and none is another's.
    """

    def add_machine(self, described: Message) -> None:
        """State the machine as the only source."""
        self._label = f"{described['host']}/-/machine"
        self.add_source(_MACHINE, {**described, "id": _ROOT_ID}, self._label)

    def begin_block(self, begin_ns: int) -> None:
        """State when the block begins."""
        row = EventRow(begin_ns, Event.RUN_BEGIN, source=self._label, id=_ROOT_ID)
        self._rows.add_event(row)

    def end_block(self, end_ns: int) -> None:
        """State when the block ended."""
        if _MACHINE in self.sources:
            self.end_source(_MACHINE, Status.COMPLETED, ended_ns=end_ns)

    def warn(self, text: str) -> None:
        """Note what limits the figures."""
        self._rows.note(NoteName.WARNING, text=text)

    def add_contention(self, seen: MachineSnapshot) -> None:
        """Nothing: all programs are the machine's."""

    def add_memory(self, seen: MemorySnapshot) -> None:
        """Nothing: it has no programs of its own."""

    def add_work(self, seen: WorkSnapshot) -> None:
        """Nothing: there is nothing to attribute."""
