"""What a log says of the training itself: its block, epochs, metrics and spans.

Moments are nanoseconds of the wall clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from effmeter.runfile.format import Event
from effmeter.runfile.row import EventRow
from effmeter.status import Status

ROOT_ID = 1
"""The parent of a program's outermost marks."""


@dataclass(frozen=True, slots=True)
class LoggedEpoch:
    """One epoch, with the metrics logged for it."""

    begin_ns: int
    end_ns: int
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedSpan:
    """A named stretch; ``epoch`` is the place of the epoch that it lies in, from 0."""

    name: str
    begin_ns: int
    end_ns: int
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """The block that was measured, and its parts in order of time."""

    begin_ns: int
    end_ns: int
    status: str = Status.COMPLETED
    epochs: tuple[LoggedEpoch, ...] = ()
    spans: tuple[LoggedSpan, ...] = ()

    def rows(self, source: str, *, has_metrics: bool = True) -> Iterator[EventRow]:
        """The rows that state them in a run file, with moments of the wall clock.

        ``has_metrics``: whether the metrics stand there too. Of a job over several hosts they
        stand once.
        """
        yield EventRow(self.begin_ns, Event.RUN_BEGIN, source=source, id=ROOT_ID)
        for place, epoch in enumerate(self.epochs):
            mark, number = ROOT_ID + 1 + place, float(place + 1)
            yield EventRow(
                epoch.begin_ns,
                Event.EPOCH_BEGIN,
                source=source,
                id=mark,
                parent=ROOT_ID,
                value=number,
            )
            for name, value in epoch.metrics.items() if has_metrics else ():
                yield EventRow(
                    epoch.end_ns, Event.METRIC, source=source, parent=mark, name=name, value=value
                )
            yield EventRow(epoch.end_ns, Event.EPOCH_END, source=source, id=mark, value=number)
        yield from self._span_rows(source)
        yield EventRow(self.end_ns, Event.END, source=source, id=ROOT_ID, text=self.status)

    def _span_rows(self, source: str) -> Iterator[EventRow]:
        for mark, span in enumerate(self.spans, ROOT_ID + 1 + len(self.epochs)):
            parent = ROOT_ID if span.epoch is None else ROOT_ID + 1 + span.epoch
            yield EventRow(
                span.begin_ns,
                Event.SPAN_BEGIN,
                source=source,
                id=mark,
                parent=parent,
                name=span.name,
            )
            yield EventRow(span.end_ns, Event.SPAN_END, source=source, id=mark)
