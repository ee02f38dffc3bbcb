"""What a message says of itself is read strictly before anything is decoded."""

import contextlib
import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.runfile.message import (
    END_OF_STREAM,
    MAX_METADATA_BYTES,
    DamagedError,
    message_of,
    metadata_end,
    read_schema,
    read_table,
    unfolded,
)

SCHEMA = pa.schema([pa.field("number", pa.int64()), pa.field("text", pa.string())])
ROWS = {"number": [*range(500)], "text": ["words"] * 500}


def serialized(compression: str | None = "zstd") -> bytes:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA, options=options) as stream:
        stream.write_batch(pa.RecordBatch.from_pydict(ROWS, schema=SCHEMA))
    data: bytes = sink.getvalue().to_pybytes()
    return data[len(SCHEMA.serialize()) : -len(END_OF_STREAM)]


BATCH = serialized()
SCHEMA_BYTES = SCHEMA.serialize().to_pybytes()


def test_a_batch_states_its_length() -> None:
    message = message_of(BATCH)
    assert (message.is_batch, message.length) == (True, len(BATCH))
    assert not message_of(SCHEMA_BYTES).is_batch


@pytest.mark.parametrize("compression", ["zstd", None])
def test_the_size_of_a_batch_is_known_before_it_is_decoded(compression: str | None) -> None:
    batch = pa.RecordBatch.from_pydict(ROWS, schema=SCHEMA)
    rows, buffer_bytes = unfolded(serialized(compression))
    assert rows == batch.num_rows
    assert buffer_bytes == pytest.approx(batch.nbytes, rel=0.05)


def test_a_declared_size_is_believed_only_as_a_size() -> None:
    body = message_of(BATCH).metadata_bytes
    (declared,) = struct.unpack_from("<q", BATCH, body)
    bomb = bytearray(BATCH)
    struct.pack_into("<q", bomb, body, 2**50)
    expected = unfolded(BATCH).buffer_bytes - declared + 2**50
    assert unfolded(bytes(bomb)).buffer_bytes == expected


def test_rows_come_back_in_the_columns_that_are_wanted() -> None:
    table = read_table(SCHEMA_BYTES, [BATCH, BATCH], SCHEMA, ["text", "number"])
    assert table is not None
    assert table.to_pydict() == {name: 2 * values for name, values in ROWS.items()}
    narrow = read_table(SCHEMA_BYTES, [BATCH], SCHEMA, ["number"])
    assert narrow is not None
    assert narrow.to_pydict() == {"number": ROWS["number"]}
    assert read_schema(SCHEMA_BYTES) == SCHEMA


def test_batches_of_which_one_cannot_be_decoded_are_no_table() -> None:
    broken = BATCH[:-64] + bytes(64)
    assert read_table(SCHEMA_BYTES, [BATCH, broken, BATCH], SCHEMA, SCHEMA.names) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\xff" + struct.pack("<i", -8),
        b"\xff\xff\xff\xff" + struct.pack("<i", MAX_METADATA_BYTES + 1),
        bytes(16),
    ],
    ids=["empty", "no length", "negative", "too long", "zeros"],
)
def test_what_is_no_message_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedError):
        metadata_end(data)


@given(data=st.data())
def test_no_change_of_a_batch_gives_anything_but_a_size_or_damage(data: st.DataObject) -> None:
    changed = bytearray(BATCH)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, message_of(BATCH).metadata_bytes - 1))] = data.draw(
            st.integers(0, 255)
        )
    with contextlib.suppress(DamagedError):
        assert min(unfolded(bytes(changed))) >= 0
