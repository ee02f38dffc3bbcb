"""How large batches unfold and what is null in them, for many messages at once.

A writer gives all batches of a file the same metadata but for a few numbers. So the metadata of
one batch are read strictly, and those of the others are compared with them byte by byte outside
those numbers; what differs anywhere else is read for itself.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from effmeter.runfile.framing import HEADER_BYTES, HEADER_START
from effmeter.runfile.message import (
    MOST_BYTES,
    PREFIX_BYTES,
    BatchPlaces,
    DamagedError,
    batch_places,
    unfolded,
)

Numbers = NDArray[np.int64]
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What the metadata of batches state; n batches."""

    rows: Numbers
    """How many each has (n,); ``UNKNOWN``: it must not be decoded."""
    buffer_bytes: Numbers
    """How large each unfolds (n,)."""
    nulls: Numbers
    """How many values are null in each column (n, columns); ``UNKNOWN`` in a layout of its own."""

    def only_nulls(self, columns: Sequence[int]) -> NDArray[np.bool_]:
        """Which batches surely hold nothing in some columns (n,)."""
        return np.asarray((self.nulls[:, columns] == self.rows[:, None]).all(axis=1), np.bool_)


def batch_facts(messages: Sequence[bytes], columns: int) -> BatchFacts:
    """The facts of whole messages of batches with a number of flat columns each."""
    count = len(messages)
    facts = BatchFacts(
        np.full(count, UNKNOWN, np.int64),
        np.zeros(count, np.int64),
        np.full((count, columns), UNKNOWN, np.int64),
    )
    alike = np.zeros(count, np.bool_)
    places = _places(messages[0]) if messages else None
    if places is not None and places.nodes == columns:
        body = places.metadata_bytes
        alike = np.array([len(m) >= body and m[4:8] == messages[0][4:8] for m in messages])
        chosen = np.flatnonzero(alike)
        heads = np.frombuffer(b"".join([messages[i][:body] for i in chosen.tolist()]), np.uint8)
        heads = heads.reshape(len(chosen), body)
        fixed = ~_free(messages[0], places)
        is_same = (heads[:, fixed] == heads[0, fixed]).all(axis=1)
        alike[chosen[~is_same]] = False
        chosen, heads = chosen[is_same], heads[is_same]
        bodies = [messages[i][body:] for i in chosen.tolist()]
        rows = _numbers(heads, places.rows_at, 1)[:, 0]
        nodes = _numbers(heads, places.nodes_at, 2 * columns).reshape(len(chosen), columns, 2)
        buffer_bytes = _buffer_bytes(heads, bodies, places)
        is_sound = (buffer_bytes >= 0) & (rows >= 0)
        facts.rows[chosen] = np.where(is_sound, rows, UNKNOWN)
        facts.buffer_bytes[chosen] = np.where(is_sound, buffer_bytes, 0)
        facts.nulls[chosen] = nodes[:, :, 1]
    for i in np.flatnonzero(~alike).tolist():
        with contextlib.suppress(DamagedError):
            facts.rows[i], facts.buffer_bytes[i] = unfolded(messages[i])
    return facts


def _places(message: bytes) -> BatchPlaces | None:
    try:
        return batch_places(message)
    except DamagedError:
        return None


def _free(message: bytes, places: BatchPlaces) -> NDArray[np.bool_]:
    """Where the metadata of batches with one layout differ (metadata bytes,)."""
    free = np.zeros(places.metadata_bytes, np.bool_)
    for at, count in (
        (places.body_bytes_at, 1),
        (places.rows_at, 1),
        (places.nodes_at, 2 * places.nodes),
        (places.buffers_at, 2 * places.buffers),
    ):
        free[at : at + 8 * count] = True
    header = message.find(HEADER_START, PREFIX_BYTES, places.metadata_bytes)
    if header >= 0:
        free[header + len(HEADER_START) : header + HEADER_BYTES] = True
    return free


def _numbers(heads: NDArray[np.uint8], at: int, count: int) -> Numbers:
    """Numbers of 64 bits at a place of each row (n, count)."""
    return np.ascontiguousarray(heads[:, at : at + 8 * count]).view("<i8")


def _buffer_bytes(
    heads: NDArray[np.uint8], bodies: Sequence[bytes], places: BatchPlaces
) -> Numbers:
    """As ``unfolded`` says of each message; ``UNKNOWN`` where it would raise."""
    buffers = _numbers(heads, places.buffers_at, 2 * places.buffers)
    offsets, lengths = buffers[:, 0::2], buffers[:, 1::2]
    sizes = np.array([len(body) for body in bodies], np.int64)
    stated = _numbers(heads, places.body_bytes_at, 1)[:, 0]
    room = sizes[:, None] - lengths
    is_inside = (offsets >= 0) & (lengths >= 0) & (room >= 0) & (offsets <= room)
    is_sound = (stated == sizes) & is_inside.all(axis=1)
    declared = lengths.copy()
    if places.is_compressed:
        has_length = is_inside & (lengths > 0)
        is_sound &= (~has_length | (lengths >= 8)).all(axis=1)
        has_length &= lengths >= 8
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        at = (starts[:, None] + offsets)[has_length]
        whole = np.frombuffer(b"".join(bodies), np.uint8)
        of_buffers = np.ascontiguousarray(whole[at[:, None] + np.arange(8)]).view("<i8")[:, 0]
        declared[has_length] = np.where(of_buffers == -1, lengths[has_length] - 8, of_buffers)
        is_negative = np.zeros(declared.shape, np.bool_)
        is_negative[has_length] = of_buffers < -1
        is_sound &= ~is_negative.any(axis=1)
    # Floats: a sum of numbers that a stranger wrote must not wrap around.
    total = declared.astype(np.float64).sum(axis=1)
    return np.where(is_sound & (total < MOST_BYTES), declared.sum(axis=1), UNKNOWN)
