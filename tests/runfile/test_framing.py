"""Frames: their headers are found without decoding, and no changed byte goes unnoticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effmeter.runfile.framing import (
    HEADER_BYTES,
    HEADER_START,
    blank_header,
    close_frame,
    header_at,
    is_intact,
)

FILE, NUMBER = 0xC0FFEE, 17


def frame_of(before: bytes, after: bytes) -> bytes:
    frame = bytearray(before + blank_header(FILE) + after)
    close_frame(frame, FILE, NUMBER)
    return bytes(frame)


@given(before=st.binary(max_size=50), after=st.binary(max_size=50))
def test_a_closed_frame_is_intact_and_says_where_it_begins(before: bytes, after: bytes) -> None:
    frame = frame_of(before, after)
    header = header_at(frame, len(before))
    assert header is not None
    assert is_intact(frame, header)
    assert header[:4] == (FILE, NUMBER, len(before), len(frame))


@given(at=st.integers(0, 2 * 40 + HEADER_BYTES - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed_wherever_it_is(at: int, bit: int) -> None:
    frame = bytearray(frame_of(bytes(40), b"x" * 40))
    frame[at] ^= 1 << bit
    header = header_at(bytes(frame), 40)
    assert header is None or not is_intact(bytes(frame), header)


def test_closing_changes_nothing_but_the_header() -> None:
    frame = frame_of(b"before", b"after")
    assert frame.startswith(b"before")
    assert frame.endswith(b"after")
    assert len(frame) == len(b"before") + HEADER_BYTES + len(b"after")


def test_a_frame_without_a_blank_header_cannot_be_closed() -> None:
    with pytest.raises(ValueError, match="not found"):
        close_frame(bytearray(b"nothing"), FILE, NUMBER)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER_START,
        blank_header(FILE)[:-1],
        blank_header(FILE).replace(b"c0ffee", b"C0FFEE"),
        blank_header(FILE)[:-2] + b"_0",
        blank_header(FILE)[:-2] + b" 0",
    ],
    ids=["empty", "start alone", "cut off", "upper case", "underscore", "space"],
)
def test_what_only_resembles_a_header_is_none(data: bytes) -> None:
    assert header_at(data, 0) is None
