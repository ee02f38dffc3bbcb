"""The frame of an Arrow message: its number, its length and a checksum, found without decoding.

A frame is what the writer appends in one piece: the magic bytes with the schema, one record
batch, or the end-of-stream mark with the footer. Each contains a header of fixed width as the
value of a key in its own metadata. Arrow readers see an ordinary key. This module finds the
header by its first bytes, so that no length or offset is believed before the checksum holds.
"""

import re
import zlib
from typing import NamedTuple

MAGIC = b"ARROW1\x00\x00"
"""The first bytes of an Arrow IPC file."""
FRAME_KEY = b"effmeter.frame"
HEADER_START = b"effmeter.frame/1:"
_DIGITS = re.compile(rb"([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{12})([0-9a-f]{8})")
_DIGITS_BYTES = 44
_CHECKSUM_BYTES = 8
HEADER_BYTES = len(HEADER_START) + _DIGITS_BYTES
MAX_FRAME_BYTES = 256 * 2**20
"""A header that states more is none: a batch of one second has some kilobytes."""


class FrameHeader(NamedTuple):
    """What a frame says of itself."""

    file: int
    """The same number in all frames of a file, so that a frame of another one stands out."""
    number: int
    """0 for the schema, from 1 for the batches, one more than the last batch for the footer."""
    offset: int
    """Bytes from the beginning of the frame to its header."""
    length: int
    """Bytes of the whole frame."""
    checksum: int
    """CRC-32 of the frame with zeros in place of the checksum's own digits."""

    def to_bytes(self) -> bytes:
        """The header as it stands in the frame: hexadecimal, of fixed width."""
        file, number, offset, length, checksum = self
        digits = f"{file:08x}{number:08x}{offset:08x}{length:012x}{checksum:08x}"
        return HEADER_START + digits.encode()


def blank_header(file: int) -> bytes:
    """What stands in a frame in place of its header until ``close_frame`` fills it in."""
    return FrameHeader(file, 0, 0, 0, 0).to_bytes()


def close_frame(frame: bytearray, file: int, number: int) -> None:
    """Fill in the header of a frame that contains a blank one; ValueError where none is there."""
    offset = frame.index(blank_header(file))
    end = offset + HEADER_BYTES
    header = FrameHeader(file, number, offset, len(frame), 0)
    frame[offset:end] = header.to_bytes()
    frame[offset:end] = header._replace(checksum=zlib.crc32(frame)).to_bytes()


def header_at(data: bytes, at: int) -> FrameHeader | None:
    """The header that begins at ``at``; None where none does."""
    if not data.startswith(HEADER_START, at):
        return None
    digits = _DIGITS.fullmatch(data, at + len(HEADER_START), at + HEADER_BYTES)
    return None if digits is None else FrameHeader(*(int(d, 16) for d in digits.groups()))


def is_intact(frame: bytes, header: FrameHeader) -> bool:
    """Whether the bytes of a frame are those that its header was computed from."""
    end = header.offset + HEADER_BYTES
    checksum = zlib.crc32(memoryview(frame)[: end - _CHECKSUM_BYTES])
    checksum = zlib.crc32(b"0" * _CHECKSUM_BYTES, checksum)
    return zlib.crc32(memoryview(frame)[end:], checksum) == header.checksum
