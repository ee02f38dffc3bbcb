"""What the recorder takes from a client, and what it does not."""

import json

import pytest

from effmeter.wire.protocol import (
    MAX_LINE_BYTES,
    MAX_TEXT,
    LineBuffer,
    ProtocolError,
    check_request,
    decode,
    encode,
)

MARK = {"op": "mark", "event": "note", "time_ns": 5}


def test_a_message_survives_encoding() -> None:
    assert decode(encode(MARK).rstrip(b"\n")) == MARK


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"17", b"{}", b'{"op": 3}', b"\xff\xfe", b"[" * 5000, b"{" * 5000]
)
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(line)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"op": "erase"}, "unknown op"),
        ({"path": "/etc/passwd"}, "unknown field"),
        ({"time_ns": None}, "time_ns is missing"),
        ({"time_ns": "5"}, "time_ns is not a int"),
        ({"time_ns": True}, "time_ns is not a int"),
        ({"time_ns": 2**63}, "out of range"),
        ({"value": 10**400}, "out of range"),
        ({"value": "much"}, "value is not a float"),
        ({"text": "x" * (MAX_TEXT + 1)}, "text is longer"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        check_request({**MARK, **change})


@pytest.mark.parametrize(
    "labels", [{str(n): n for n in range(65)}, {"a": [1]}, {"a": {"b": 1}}, {"a": float("nan")}]
)
def test_labels_are_few_and_plain(labels: dict[str, object]) -> None:
    join = {"op": "join", "name": "n", "host": "h", "program": {}, "id": 1, "recording": "r"}
    with pytest.raises(ProtocolError, match="labels"):
        check_request({**join, "labels": labels})


def test_whole_numbers_serve_as_floats() -> None:
    assert check_request({**MARK, "value": 3})["value"] == 3.0


def test_lines_come_out_whole_however_the_bytes_come_in() -> None:
    sent = b"".join(encode({"op": "ask", "number": n}) for n in range(20))
    lines = LineBuffer()
    got = [json.loads(line)["number"] for byte in sent for line in lines.feed(bytes([byte]))]
    assert got == list(range(20))


def test_a_line_without_end_is_refused_at_the_limit() -> None:
    lines = LineBuffer()
    lines.feed(b"x" * MAX_LINE_BYTES)
    with pytest.raises(ProtocolError, match="longer than"):
        lines.feed(b"x")
