"""What a rewritten file states of its original, as it may stand in a stranger's file."""

import pyarrow as pa
import pytest

from effmeter.runfile.format import Event, arrow_schema
from effmeter.runfile.origin import WHOLE, Origin, origin_in
from effmeter.runfile.part import Damage


def batch(text: str | None, event: str = Event.COMPACTED) -> pa.RecordBatch:
    row = {"time": 0, "seq": 0, "event": event, "text": text}
    schema = arrow_schema()
    arrays = [pa.array([row.get(field.name)], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def test_what_is_stated_is_read() -> None:
    stated = Origin(False, (Damage("batch 2 of 9", 5, 7), Damage("its end", 9), Damage("bytes")))
    assert origin_in(batch(stated.to_json())) == stated


def test_other_rows_state_nothing() -> None:
    assert origin_in(batch("{}", Event.NOTE)) == WHOLE
    assert origin_in(batch("{}").slice(0, 0)) == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        "7",
        "{}",
        "[" * 100_000,
        '{"finished": true}',
        '{"finished": true, "damages": 7}',
        '{"finished": true, "damages": [7]}',
        '{"finished": true, "damages": [{"what": 1, "begin_ns": 1, "end_ns": 1}]}',
        '{"finished": true, "damages": [{"what": "x", "begin_ns": "1", "end_ns": 1}]}',
        '{"finished": true, "damages": [{"what": "x", "begin_ns": 1e400, "end_ns": 1}]}',
        f'{{"finished": true, "damages": [{{"what": "x", "begin_ns": {2**70}, "end_ns": 1}}]}}',
    ],
)
def test_what_makes_no_sense_is_a_damage(text: str | None) -> None:
    (damage,) = origin_in(batch(text)).damages
    assert str(damage) == "damaged: what it states of its original"
