"""Rows gathered column by column become the batch that the file needs."""

from effmeter.runfile.format import COLUMNS, Column, Event, arrow_schema
from effmeter.runfile.row import EVENT_COLUMNS, EventRow, RowBuffer

SCHEMA = arrow_schema()
FULL = EventRow(5, Event.METRIC, "cpu0", "host/-/1", 2, 3, "loss", 0.5, "text", 0.25)


def test_every_field_of_an_event_is_a_column() -> None:
    assert set(EventRow._fields) - set(EVENT_COLUMNS) == {"time_ns", "part"}


def test_an_event_stands_in_its_columns_on_the_wall_clock() -> None:
    buffer = RowBuffer(wall_offset_ns=1_000)
    buffer.add_event(FULL)
    batch = buffer.take()(SCHEMA)
    (row,) = batch.drop_columns(["time"]).to_pylist()
    assert [row[name] for name in EVENT_COLUMNS] == list(FULL[1:-1])
    assert (row["seq"], row["energy_j"], row["power_w"]) == (0, None, None)
    assert batch.column("time").cast("int64").to_pylist() == [1_005]


def test_readings_and_events_keep_their_order() -> None:
    buffer = RowBuffer(0)
    buffer.add_reading(1, "cpu0", 2.0, None, None)
    buffer.add_event(FULL)
    buffer.add_reading(3, "gpu0", None, 50.0, 0.5)
    rows = buffer.take()(SCHEMA).select(["channel", "energy_j", "power_w", "event", "duration_s"])
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        ("cpu0", 2.0, None, None, None),
        ("cpu0", None, None, "metric", 0.25),
        ("gpu0", None, 50.0, None, 0.5),
    ]


def test_numbers_go_on_from_batch_to_batch() -> None:
    buffer = RowBuffer(0)
    batches = []
    for _ in range(2):
        buffer.add_event(FULL)
        buffer.add_event(FULL)
        batches.append(buffer.take())
    assert len(buffer) == 0
    assert [make(SCHEMA)["seq"].to_pylist() for make in batches] == [[0, 1], [2, 3]]


def test_bytes_that_are_no_characters_are_replaced() -> None:
    buffer = RowBuffer(0)
    odd = "caf\udce9"
    buffer.add_event(FULL._replace(source=odd, name=odd, text=odd))
    (row,) = buffer.take()(SCHEMA).select(["source", "name", "text"]).to_pylist()
    assert set(row.values()) == {"caf?"}


def test_a_column_that_no_row_fills_is_null() -> None:
    buffer = RowBuffer(0)
    buffer.add_event(FULL)
    wider = arrow_schema(columns={**COLUMNS, "later": Column("float64", since=99)})
    assert buffer.take()(wider)["later"].to_pylist() == [None]
