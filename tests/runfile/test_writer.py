"""The writer of a run file: whole batches, whatever ends it."""

import fcntl
import os
import resource
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from effmeter.runfile.byte_limit import ByteLimit
from effmeter.runfile.file_fate import DELETED
from effmeter.runfile.format import Event
from effmeter.runfile.part import Part
from effmeter.runfile.reader import read_part, read_rows
from effmeter.runfile.row import EventRow, RowBuffer
from effmeter.runfile.writer import QUEUE_BATCHES, MakeBatch, RunWriter
from tests.runfile.writing import metadata

PATIENCE_S = 20.0


class Written:
    """A writer on a new file, the rows for it, and how it ended."""

    def __init__(
        self,
        path: Path,
        refusal: Callable[[int], str | None] | None = None,
        become: Callable[[], None] | None = None,
        calls: list[str] | None = None,
        limit: ByteLimit | None = None,
    ) -> None:
        self.path = path
        self.rows = RowBuffer(0)
        self.calls: list[str] = [] if calls is None else calls
        self.endings: list[str | None] = []
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self.writer = RunWriter(
            self.descriptor,
            metadata(),
            self.endings.append,
            refusal=refusal,
            on_fit=lambda: self.calls.append("fit"),
            become=become,
            limit=limit,
        )

    def batch(self, before: Callable[[], object] = lambda: None) -> MakeBatch:
        """Ten rows; ``before`` is called in the writer's thread when they are due."""
        for number in range(10):
            self.rows.add_event(EventRow(number, Event.NOTE))
        make = self.rows.take()

        def make_batch(schema: pa.Schema) -> pa.RecordBatch:
            before()
            return make(schema)

        return make_batch

    def end(self) -> Part:
        """Finish and read back."""
        self.writer.finish(self.batch())
        self.writer.join(PATIENCE_S)
        return read_part(self.path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.arrow"


def test_what_is_put_is_in_the_file_and_the_file_is_finished(path: Path) -> None:
    import polars as pl

    written = Written(path)
    assert written.writer.put(written.batch())
    part = written.end()
    assert part.finished
    assert part.damages == ()
    assert sorted(read_rows(path)["seq"].to_pylist()) == [*range(20)]
    assert written.endings == [None]
    assert pl.read_ipc(path).height == 20


def test_nothing_is_written_to_a_file_that_is_refused(path: Path) -> None:
    written = Written(path, refusal=lambda _: "it belongs to another user")
    written.writer.join(PATIENCE_S)
    assert written.endings == ["it belongs to another user"]
    assert written.calls == []
    assert not written.writer.put(written.batch())
    assert path.read_bytes() == b""


def test_the_descriptor_is_checked_then_found_fit_then_the_user_changes(path: Path) -> None:
    calls: list[str] = []
    written = Written(
        path,
        refusal=lambda descriptor: calls.append(f"check {descriptor}"),
        become=lambda: calls.append("become"),
        calls=calls,
    )
    written.end()
    assert calls == [f"check {written.descriptor}", "fit", "become"]


def test_nothing_is_written_where_the_user_cannot_be_changed(path: Path) -> None:
    def refuse() -> None:
        raise PermissionError(1, "Operation not permitted")

    written = Written(path, become=refuse)
    written.writer.join(PATIENCE_S)
    assert written.endings == ["Operation not permitted"]
    assert path.read_bytes() == b""


def test_a_disk_that_fills_ends_the_file_at_its_last_whole_batch(path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    written = Written(path)

    def fill() -> None:
        size = os.fstat(written.descriptor).st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))

    try:
        written.writer.put(written.batch())
        written.writer.put(written.batch(before=fill))
        written.writer.join(PATIENCE_S)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert written.endings == ["File too large"]
    part = read_part(path)
    assert (part.row_count, part.finished, part.damages) == (10, False, ())


def test_a_fault_reaches_the_owner_and_what_was_written_stays(path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("a fault")

    written = Written(path)
    written.writer.put(written.batch())
    written.writer.put(written.batch(before=fail))
    written.writer.join(PATIENCE_S)
    assert written.endings == ["a fault"]
    assert not written.writer.put(written.batch())
    assert read_part(path).row_count == 10


def test_a_full_queue_takes_no_more_but_the_last_batch(path: Path) -> None:
    go_on = threading.Event()
    written = Written(path, refusal=lambda _: None if go_on.wait(PATIENCE_S) else "stuck")
    taken = sum(written.writer.put(written.batch()) for _ in range(QUEUE_BATCHES + 5))
    go_on.set()
    part = written.end()
    assert taken == QUEUE_BATCHES
    assert part.row_count == 10 * (QUEUE_BATCHES + 1)


def test_each_batch_is_on_the_disk_before_the_next_is_made(path: Path) -> None:
    written = Written(path)
    rows: list[int] = []
    written.writer.put(written.batch())
    written.writer.put(written.batch(before=lambda: rows.append(read_part(path).row_count)))
    written.end()
    assert rows == [10]


def test_the_lock_is_given_back_at_the_end(path: Path) -> None:
    def lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    written = Written(path, refusal=lock)
    during: list[bool] = []
    written.writer.put(written.batch())
    written.writer.put(written.batch(before=lambda: during.append(read_part(path).recording)))
    assert not written.end().recording
    assert during == [True]


def test_a_file_that_is_deleted_meanwhile_is_written_and_its_loss_reported(path: Path) -> None:
    written = Written(path)
    written.writer.put(written.batch())
    written.writer.put(written.batch(before=path.unlink))
    written.writer.finish(written.batch())
    written.writer.join(PATIENCE_S)
    assert written.endings == [DELETED]


def test_a_batch_beyond_the_limit_of_memory_is_refused_until_another_is_written(
    path: Path,
) -> None:
    limit = ByteLimit(1000)
    go_on, began = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert go_on.wait(PATIENCE_S)

    written = Written(path, limit=limit)
    assert written.writer.put(written.batch(before=wait), 900)
    assert began.wait(PATIENCE_S)
    assert not written.writer.put(written.batch(), 900)
    assert written.writer.put(written.batch(), 100)
    go_on.set()
    written.end()
    assert limit.take(1000), "all is given back"
    assert not limit.take(1)


def test_what_waits_for_a_file_that_fails_is_given_back(path: Path) -> None:
    limit, go_on = ByteLimit(1000), threading.Event()

    def fail() -> None:
        assert go_on.wait(PATIENCE_S)
        raise RuntimeError("a fault")

    written = Written(path, limit=limit)
    assert written.writer.put(written.batch(before=fail), 500)
    assert written.writer.put(written.batch(), 500)
    go_on.set()
    written.writer.join(PATIENCE_S)
    assert limit.take(1000)
    assert not limit.take(1)
