"""Rows on their way to the file: when they are handed over, and what becomes of too many."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from effmeter.recorder.row_feed import ANCHOR_PERIOD_NS, FLUSH_PERIOD_NS, RowFeed
from effmeter.runfile.format import Event, Metadata, NoteName
from effmeter.runfile.reader import read_part
from effmeter.runfile.row import EventRow
from effmeter.runfile.writer import QUEUE_BATCHES, RunWriter
from tests.simulated.clock import ManualClock

BEGIN_NS = 10_000_000_000


class Fed:
    """A feed with a clock moved by hand, whose writer waits at ``disk`` before its first byte."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(time_ns=BEGIN_NS)
        self.path = path
        self.disk = threading.Event()
        self.failures: list[str | None] = []
        metadata = Metadata("id", "test", self.clock.anchor().wall_ns, self.clock.now_ns())
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self._writer = RunWriter(descriptor, metadata, self.failures.append, become=self._wait)
        self.feed = RowFeed(metadata, self._writer, self.clock)

    def _wait(self) -> None:
        assert self.disk.wait(30)

    def read(self) -> None:
        self.feed.add_reading(self.clock.now_ns(), "cpu0", 1.0, None, None)

    def events(self, *missed: tuple[str, int]) -> list[EventRow]:
        """End the file; the events in it."""
        self.feed.finish(missed, "completed")
        self.disk.set()
        self._writer.join(30)
        assert self.failures == [None]
        return read_part(self.path).events(0)

    def readings(self) -> int:
        part = read_part(self.path)
        return part.row_count - len(part.event_rows)


@pytest.fixture
def fed(tmp_path: Path) -> Iterator[Fed]:
    made = Fed(tmp_path / "run.arrow")
    yield made
    made.disk.set()


def test_a_file_begins_with_an_anchor_and_ends_with_an_anchor_and_its_status(fed: Fed) -> None:
    fed.clock.advance(0.5)
    events = fed.events()
    assert [(row.event, row.time_ns) for row in events] == [
        (Event.ANCHOR, BEGIN_NS),
        (Event.ANCHOR, fed.clock.time_ns),
        (Event.END, fed.clock.time_ns),
    ]
    assert events[-1].text == "completed"


def test_rows_are_handed_over_within_a_second(fed: Fed) -> None:
    assert fed.feed.flush_due_ns == BEGIN_NS + FLUSH_PERIOD_NS
    fed.feed.flush(BEGIN_NS + FLUSH_PERIOD_NS - 1)
    assert fed.feed.flush_due_ns == BEGIN_NS + FLUSH_PERIOD_NS
    fed.feed.flush(BEGIN_NS + FLUSH_PERIOD_NS)
    assert fed.feed.flush_due_ns == BEGIN_NS + 2 * FLUSH_PERIOD_NS
    fed.events()


def test_an_anchor_states_a_set_wall_clock_and_the_time_asleep(fed: Fed) -> None:
    fed.clock.set_wall(3600.0)
    fed.clock.sleep(7.0)
    first, last, _ = fed.events()
    assert (first.value, first.duration_s) == (0.0, 0.0)
    assert last.value == pytest.approx(3600.0)
    assert last.duration_s == pytest.approx(7.0)
    assert last.id == fed.clock.time_ns


def test_a_minute_has_one_anchor_however_often_rows_are_handed_over(fed: Fed) -> None:
    for _ in range(25):
        fed.feed.flush(fed.clock.advance(5.0))
    anchors = [row.time_ns - BEGIN_NS for row in fed.events() if row.event == Event.ANCHOR]
    assert anchors == [0, ANCHOR_PERIOD_NS, 2 * ANCHOR_PERIOD_NS, 125 * 10**9]


def test_a_note_is_dated_now(fed: Fed) -> None:
    fed.clock.advance(0.25)
    fed.feed.note(NoteName.STOP, "host/-/7", 2.0, "max-epochs: 2", id=3)
    (note,) = [row for row in fed.events() if row.event == Event.NOTE]
    assert (note.time_ns, note.source, note.id) == (BEGIN_NS + 250_000_000, "host/-/7", 3)
    assert (note.name, note.value, note.text) == ("stop", 2.0, "max-epochs: 2")


def test_readings_that_were_missed_are_noted_by_probe(fed: Fed) -> None:
    notes = [row for row in fed.events(("powercap", 3), ("NVML", 1)) if row.event == Event.NOTE]
    assert [(note.name, note.text, note.value) for note in notes] == [
        ("missed_deadlines", "powercap", 3.0),
        ("missed_deadlines", "NVML", 1.0),
    ]


def test_rows_that_a_slow_disk_leaves_no_room_for_are_counted_and_the_end_is_written(
    fed: Fed,
) -> None:
    lost = 5
    for _ in range(QUEUE_BATCHES + lost):
        fed.read()
        fed.feed.flush(fed.clock.advance(1.0))
    events = fed.events()
    (dropped,) = [row for row in events if row.name == NoteName.DROPPED_ROWS]
    anchors = sum(row.event == Event.ANCHOR for row in events)
    assert fed.readings() == QUEUE_BATCHES
    assert dropped.value == lost
    assert anchors == 1 + 1 + 1
    assert events[-1].text == "completed"


def test_where_no_row_is_lost_nothing_says_so(fed: Fed) -> None:
    for _ in range(QUEUE_BATCHES):
        fed.read()
        fed.feed.flush(fed.clock.advance(1.0))
    assert [row for row in fed.events() if row.event == Event.NOTE] == []
    assert fed.readings() == QUEUE_BATCHES
