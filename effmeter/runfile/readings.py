"""The readings of one file by channel, in memory or, where they are many, in a temporary file."""

import os
import tempfile
import weakref
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from effmeter.errors import RunFileError

MOST_HELD_BYTES = 128 * 2**20
"""Of the readings of one file; more of them are kept in a temporary file."""
_ITEM_BYTES = 8

Times = NDArray[np.int64]
Values = NDArray[np.float64]


class Series(NamedTuple):
    """The readings of one channel in one file, in order of time: (n,) each."""

    times_ns: Times
    values: Values
    """Joules or watts."""
    read_s: Values
    """How long each reading took (s); zero where that is not stated."""


class _Block(NamedTuple):
    """Readings of one kind that were decoded together, channel by channel."""

    bounds: NDArray[np.int64]
    """Where the readings of each channel begin, by its number, and where the last ones end."""
    has_read_s: bool
    arrays: tuple[NDArray[np.int64], ...] = ()
    """Times and values, and how long each took where that is stated, as 64 bits each; empty: they
    are in the file."""
    offset: int = 0
    """In the temporary file, where the arrays stand one after another."""

    @property
    def readings(self) -> int:
        return int(self.bounds[-1])


class Readings:
    """The readings of one file as they are decoded; the columns of their values are the kinds."""

    def __init__(self, most_held_bytes: int = MOST_HELD_BYTES) -> None:
        self._most_held_bytes = most_held_bytes
        self._held_bytes = 0
        self._numbers: dict[str, int] = {}
        self._blocks: dict[str, list[_Block]] = {}
        self._file: BinaryIO | None = None

    def number(self, channel: str) -> int:
        """The number that stands for a channel in ``add``."""
        return self._numbers.setdefault(channel, len(self._numbers))

    def add(
        self,
        kind: str,
        channels: NDArray[np.int64],
        times_ns: Times,
        values: Values,
        read_s: Values | None,
    ) -> None:
        """Take readings of one kind, in order of arrival; ``read_s`` is NaN where not stated."""
        if not len(times_ns):
            return
        # Sorting small numbers takes linear time.
        small = channels.astype(np.min_scalar_type(len(self._numbers)))
        order = np.argsort(small, kind="stable")
        bounds = np.concatenate(([0], np.cumsum(np.bincount(small))))
        stated = [] if read_s is None or np.isnan(read_s).all() else [np.nan_to_num(read_s)[order]]
        columns = (times_ns[order], values[order], *stated)
        arrays = tuple(column.view(np.int64) for column in columns)
        block = _Block(bounds, bool(stated), arrays)
        self._blocks.setdefault(kind, []).append(block)
        self._held_bytes += block.readings * _ITEM_BYTES * len(arrays)
        if self._held_bytes > self._most_held_bytes:
            self._put_away()

    def series(self, kind: str, channel: str) -> Series:
        """All readings of a channel, in order of time and of arrival."""
        number = self._numbers.get(channel)
        found = [
            self._read(block, number)
            for block in self._blocks.get(kind, ())
            if number is not None and number + 1 < len(block.bounds)
        ]
        if not found:
            return Series(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
        series = Series(
            np.concatenate([each.times_ns for each in found]),
            np.concatenate([each.values for each in found]),
            np.concatenate([each.read_s for each in found]),
        )
        if np.all(series.times_ns[1:] >= series.times_ns[:-1]):
            return series
        order = np.argsort(series.times_ns, kind="stable")
        return Series(series.times_ns[order], series.values[order], series.read_s[order])

    def _read(self, block: _Block, number: int) -> Series:
        first, last = int(block.bounds[number]), int(block.bounds[number + 1])
        columns = [
            block.arrays[place][first:last]
            if block.arrays
            else self._stored(block, place, first, last)
            for place in range(3 if block.has_read_s else 2)
        ]
        read_s = columns[2].view(np.float64) if block.has_read_s else np.zeros(last - first)
        return Series(columns[0], columns[1].view(np.float64), read_s)

    def _stored(self, block: _Block, place: int, first: int, last: int) -> NDArray[np.int64]:
        assert self._file is not None, "a block without arrays is in the file"
        offset = block.offset + (place * block.readings + first) * _ITEM_BYTES
        data = os.pread(self._file.fileno(), (last - first) * _ITEM_BYTES, offset)
        return np.frombuffer(data, np.int64)

    def _put_away(self) -> None:
        """Move what is held into the temporary file, which has no name and ends with this.

        Raises RunFileError where there is no room for it.
        """
        try:
            self._write_away()
        except OSError as error:
            raise RunFileError(
                f"readings cannot be kept in a temporary file: {error.strerror or error}: free "
                "space there, or name another folder in TMPDIR"
            ) from error

    def _write_away(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed with this)
            weakref.finalize(self, self._file.close)
        for blocks in self._blocks.values():
            for place, block in enumerate(blocks):
                if block.arrays:
                    offset = self._file.seek(0, os.SEEK_END)
                    for array in block.arrays:
                        _write(self._file, memoryview(array.data).cast("B"))
                    blocks[place] = block._replace(arrays=(), offset=offset)
        self._held_bytes = 0


def _write(file: BinaryIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]
