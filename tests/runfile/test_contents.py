"""A file is taken in group by group, and only the columns in which something stands."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from effmeter.runfile.checking import Allowance, FileEnd
from effmeter.runfile.contents import Contents
from effmeter.runfile.format import Event, Metadata
from effmeter.runfile.message import Unfolded, read_schema
from effmeter.runfile.scan import Hole, Piece, Window, framed_pieces
from tests.runfile.writing import RunFile, at, every, gauge, metadata


class Watched(Contents):
    """Contents that keep which columns were decoded."""

    decoded: list[list[str]]

    def take(self, pieces: Iterator[Piece | Hole], *, has_checksums: bool) -> None:
        self.decoded = []
        super().take(pieces, has_checksums=has_checksums)

    def _take_table(self, table: pa.Table) -> None:
        self.decoded.append(table.column_names)
        super()._take_table(table)


class Strict(Allowance):
    """An allowance for batches of few rows."""

    def __init__(self, path: Path, rows: int) -> None:
        super().__init__(path, 2**20)
        self._rows = rows

    def covers(self, batch: Unfolded) -> bool:
        return batch.rows <= self._rows


def taken(path: Path, allowed_rows: int = 10**9, group_bytes: int = 2**20) -> Watched:
    """A file's contents; batches of more rows than that are holes."""
    with path.open("rb") as file:
        pieces = framed_pieces(Window(file))
        first = next(pieces)
        assert isinstance(first, Piece)
        schema = read_schema(first.data)
        allowance = Strict(path, allowed_rows)
        described = Metadata.from_arrow(schema.metadata)
        found = Watched(schema, first.data, described, allowance, group_bytes)
        found.take(pieces, has_checksums=True)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Batches of a gauge's readings, every third with an event; one with an event alone."""
    with RunFile(tmp_path / "run.arrow", metadata(channels=(gauge(),))) as file:
        for second in range(9):
            if second % 3 == 0:
                file.event(second, Event.NOTE, name="x", text=f"at {second}")
            file.show("gpu0-power", every(0.1, second, second + 0.9), float(second))
            file.flush()
        file.event(9.0, Event.METRIC, name="loss", value=0.5)
    return file.path


@pytest.mark.parametrize("group_bytes", [1, 5000, 2**20])
def test_readings_and_events_are_in_order_whatever_is_decoded_together(
    path: Path, group_bytes: int
) -> None:
    found = taken(path, group_bytes=group_bytes)
    series = found.readings.series("power_w", "gpu0-power")
    assert series.values.tolist() == [float(second) for second in range(9) for _ in range(10)]
    assert [event.text for event in found.events] == ["at 0", "at 3", "at 6", None]
    assert found.events[-1].value == 0.5
    assert (found.row_count, found.last_ns, found.end) == (94, at(9), FileEnd(10))


def test_a_batch_that_is_not_allowed_is_a_hole_with_the_rows_around_it(path: Path) -> None:
    found = taken(path, allowed_rows=10)
    damages = list(found.damages())
    assert [damage.what for damage in damages] == [f"batch {k} of 10" for k in (1, 4, 7)]
    assert [(d.begin_ns, d.end_ns) for d in damages[1:]] == [(at(2.9), at(4)), (at(5.9), at(7))]


def test_columns_in_which_nothing_stands_are_not_decoded(path: Path) -> None:
    decoded = taken(path).decoded
    readings = ["time", "channel", "power_w"]
    assert decoded[0] == [*readings, "event", "name", "text"]
    assert decoded[1] == readings
    assert decoded[-1] == ["time", "event", "name", "value"]


def test_few_batches_are_decoded_by_themselves(path: Path) -> None:
    assert len(taken(path).decoded) == 7
