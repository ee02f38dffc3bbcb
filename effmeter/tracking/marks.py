"""Marks: what a training loop writes into its recording, as it happens."""

import threading
from typing import Any

from effmeter.client.session import Session
from effmeter.client.vocabulary import MAX_TEXT, PEAK, Event, NoteName, user_note
from effmeter.client.warning import WarnOnce
from effmeter.clock import now_ns
from effmeter.energy import Energy
from effmeter.tracking.labels import as_number, check_name
from effmeter.tracking.meter import SPAN_REQUEST_NS, Meter
from effmeter.tracking.nesting import Nesting, next_id

_EPOCH_END = Event.EPOCH_END
_WORDS = {
    Event.METRIC: "a metric",
    Event.NOTE: "a note",
    Event.EPOCH_BEGIN: "an epoch",
    Event.SPAN_BEGIN: "a span",
}
"""The marks that a user makes, as a warning calls them."""
_MAIN_THREAD = threading.main_thread().ident


class Marks:
    """Writes the marks of one run; before it begins and after it has ended they go nowhere."""

    def __init__(self, run_name: str = "") -> None:
        self._run_name = run_name
        self._has_ended = False
        self._warn = WarnOnce()
        self.root_id = next_id()
        self.nesting = Nesting(self.root_id)
        self.session: Session | None = None
        self.meter: Meter | None = None
        self.last_ns = 0
        """The time of the last mark that did not end an epoch."""

    def send(self, event: Event, time_ns: int, **fields: Any) -> None:
        """Send a mark without waiting; fields as the protocol names them."""
        if event is not _EPOCH_END:
            self.last_ns = time_ns
        session = self.session
        if session is None:
            self._warn_of_loss(event)
            return
        if threading.get_ident() != _MAIN_THREAD:
            fields["thread"] = threading.current_thread().name[:MAX_TEXT]
        # The plain text, because hashing a member of an enum is a call in Python.
        fields.update(op="mark", event=event._value_, time_ns=time_ns)
        session.mark(fields)

    def close(self) -> None:
        """The run has ended: what is marked from now on is lost, which a warning says once."""
        self.session = None
        self._has_ended = True

    def _warn_of_loss(self, event: Event) -> None:
        if self._has_ended:
            self._warn(
                f"the run {self._run_name!r} has ended: {_WORDS.get(event, 'what follows')} is not "
                "recorded, nor is anything after it"
            )

    def metric(self, name: str, value: float, parent: int) -> None:
        """Send a value of a metric of the run, an epoch or a span."""
        check_name(name)
        self.send(Event.METRIC, now_ns(), name=name, value=value, parent=parent)

    def note(self, name: NoteName, text: str, value: float | None = None) -> None:
        """Send a note of effmeter's own on the run."""
        fields = {} if value is None else {"value": value}
        self.send(Event.NOTE, now_ns(), id=self.root_id, name=name, text=text, **fields)

    def user_note(self, name: str, text: str) -> None:
        """Send a note of the user's on the run."""
        check_name(name)
        text = str(text)[:MAX_TEXT]
        self.send(Event.NOTE, now_ns(), id=self.root_id, name=user_note(name), text=text)

    def peak_memory(self, name: str, peak_bytes: int) -> None:
        """Send the peak of a memory since the row before it."""
        value = float(peak_bytes)
        self.send(Event.MEMORY, now_ns(), id=self.root_id, name=name, value=value, text=PEAK)

    def request_total(self, time_ns: int, spacing_ns: int) -> None:
        """Ask for the energy up to a boundary, to be answered later."""
        if self.meter is not None:
            self.meter.request(time_ns, spacing_ns)

    def energy(self, begin_ns: int, end_ns: int | None) -> Energy | None:
        """The energy of a stretch; None before its end or where it is unknown."""
        if self.meter is None or end_ns is None:
            return None
        return self.meter.between(begin_ns, end_ns)


class Epoch:
    """One epoch of a run; ``log`` records what it learned."""

    def __init__(self, marks: Marks, number: int) -> None:
        self.number = number
        self.id = next_id()
        self.metrics: dict[str, float] = {}
        self.begin_ns = 0
        self.end_ns: int | None = None
        self._marks = marks

    def log(self, **metrics: float) -> None:
        """Record metrics of this epoch; UsageError where a value is not a number."""
        for name, value in metrics.items():
            number = as_number(name, value)
            self.metrics[name] = number
            self._marks.metric(name, number, self.id)

    @property
    def energy(self) -> Energy | None:
        """The energy of the epoch once it has ended; None before, and where it is unknown.

        Provisional: ``read_run`` gives the settled figure after the run. The first access after
        the end may wait some milliseconds for the recorder.
        """
        return self._marks.energy(self.begin_ns, self.end_ns)

    def __repr__(self) -> str:
        return f"Epoch({self.number})"


class Span:
    """A named stretch of a run; ``with run.span("evaluation") as span:``."""

    def __init__(self, marks: Marks, name: str) -> None:
        check_name(name)
        self.name = name
        self.id = next_id()
        self.begin_ns = 0
        self.end_ns: int | None = None
        self._marks = marks

    @property
    def energy(self) -> Energy | None:
        """The energy of the span once it has ended; None before, and where it is unknown.

        Provisional as ``Epoch.energy``; of a span much shorter than a second the interval is wide.
        """
        return self._marks.energy(self.begin_ns, self.end_ns)

    def __enter__(self) -> "Span":
        """Mark the beginning."""
        marks = self._marks
        self.begin_ns, parent = now_ns(), marks.nesting.innermost
        marks.send(Event.SPAN_BEGIN, self.begin_ns, id=self.id, parent=parent, name=self.name)
        marks.request_total(self.begin_ns, SPAN_REQUEST_NS)
        marks.nesting.enter(self.id)
        return self

    def __exit__(self, *_exception: object) -> None:
        """Mark the end."""
        marks = self._marks
        marks.nesting.leave(self.id)
        self.end_ns = now_ns()
        marks.send(Event.SPAN_END, self.end_ns, id=self.id)
        marks.request_total(self.end_ns, SPAN_REQUEST_NS)

    def __repr__(self) -> str:
        return f"Span({self.name!r})"
