"""What many batches state of themselves is as each of them states it alone."""

import contextlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.runfile.batch_layout import UNKNOWN, batch_facts
from effmeter.runfile.message import DamagedError, message_of, unfolded

SCHEMA = pa.schema([pa.field("number", pa.int64()), pa.field("text", pa.string())])


def messages(lengths: Sequence[int], compression: str | None = "zstd") -> list[bytes]:
    """A batch of each length, whose text is null but in every third batch."""
    options = pa.ipc.IpcWriteOptions(compression=compression)
    found = []
    for place, length in enumerate(lengths):
        texts = ["words" if place % 3 == 0 else None] * length
        batch = pa.record_batch([pa.array(range(length)), pa.array(texts, pa.string())], SCHEMA)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, SCHEMA, options=options) as stream:
            stream.write_batch(batch)
        data = sink.getvalue().to_pybytes()
        data = data[message_of(data).length :]
        found.append(data[: message_of(data).length])
    return found


def alone(message: bytes) -> tuple[int, int]:
    with contextlib.suppress(DamagedError):
        return unfolded(message)
    return UNKNOWN, 0


@pytest.mark.parametrize("compression", ["zstd", None])
def test_the_facts_of_many_batches_are_those_of_each(compression: str | None) -> None:
    given = messages([500, 3, 500, 0, 70], compression)
    facts = batch_facts(given, 2)
    assert facts.rows.tolist() == [500, 3, 500, 0, 70]
    assert facts.buffer_bytes.tolist() == [alone(message)[1] for message in given]
    assert facts.only_nulls([1]).tolist() == [False, True, True, False, True]
    assert not facts.only_nulls([0]).any(), "an empty batch has a layout of its own"


@given(data=st.data())
def test_a_changed_batch_is_judged_as_if_it_were_alone(data: st.DataObject) -> None:
    given = messages([50, 50, 50])
    changed = bytearray(given[1])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    given[1] = bytes(changed)
    for order in (given, given[::-1], [given[1], given[0]]):
        facts = batch_facts(order, 2)
        found = np.column_stack((facts.rows, facts.buffer_bytes)).tolist()
        assert [tuple(each) for each in found] == [alone(message) for message in order]


def test_no_batches_have_no_facts() -> None:
    assert not len(batch_facts([], 2).rows)
