"""The marks that a recorder may not have written to disk, kept for its successor."""

from collections import deque
from collections.abc import Iterable

from effmeter.client.connection import MAX_WAITING_MARKS
from effmeter.runfile.format import Event
from effmeter.wire.protocol import Message

UNWRITTEN_NS = 2_500_000_000
"""How long a mark can take to the disk: the recorder flushes every second."""
_BEGINS = frozenset({Event.EPOCH_BEGIN, Event.SPAN_BEGIN})
_ENDS = frozenset({Event.EPOCH_END, Event.SPAN_END})


class UnwrittenMarks:
    """The recent marks of a session, and the beginnings of its open epochs and spans."""

    def __init__(self) -> None:
        self._open: dict[int, Message] = {}
        self._recent: deque[Message] = deque(maxlen=MAX_WAITING_MARKS)

    def remember(self, mark: Message) -> None:
        """Keep a mark that has just been made."""
        event, time_ns = mark["event"], mark["time_ns"]
        if event in _BEGINS:
            self._open[mark["id"]] = mark
        elif event in _ENDS:
            self._open.pop(mark["id"], None)
        recent = self._recent
        recent.append(mark)
        while recent and recent[0]["time_ns"] < time_ns - UNWRITTEN_NS:
            recent.popleft()

    def to_repeat(self, unsent: Iterable[Message]) -> list[Message]:
        """The marks that a successor must receive, each once; ``unsent`` never left the queue.

        The reader drops those that the dead recorder has written after all.
        """
        marks = (*self._open.copy().values(), *tuple(self._recent), *unsent)
        distinct = {
            (mark["time_ns"], mark["event"], mark.get("id"), mark.get("name")): mark
            for mark in marks
            if mark["op"] == "mark"
        }
        return list(distinct.values())
