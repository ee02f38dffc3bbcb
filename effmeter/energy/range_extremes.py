"""The largest and the smallest of many ranges of one array, without looking at each value again."""

from functools import cached_property

import numpy as np

from effmeter.energy.part_time import Places, Values

_BLOCK = 64
_FEW = 4
"""So few ranges are looked at value by value."""


class RangeMax:
    """Answers the maximum of any range in constant time, after linear work.

    The array is cut into blocks. A range is a part of a block at either end, whose maxima are
    cumulated from the block's edges, and whole blocks between, of which each power of two has
    its maximum.
    """

    def __init__(self, values: Values) -> None:
        self._values = values

    def of(self, first: Places, last: Places) -> Values:
        """The maxima of ``values[first:last]``; minus infinity where that is empty."""
        first = np.clip(first, 0, len(self._values))
        last = np.clip(last, 0, len(self._values))
        if len(first) <= _FEW:
            ranges = zip(first.tolist(), last.tolist(), strict=True)
            return np.array([self._values[a:b].max(initial=-np.inf) for a, b in ranges])
        found = np.full(len(first), -np.inf)
        begin, end = first // _BLOCK, (last - 1) // _BLOCK
        several = (last > first) & (end > begin)
        from_here, to_here = self._cumulated
        found[several] = np.maximum(from_here[first[several]], to_here[last[several] - 1])
        between = several & (end > begin + 1)
        blocks = self._of_blocks(begin[between] + 1, end[between])
        found[between] = np.maximum(found[between], blocks)
        within = np.flatnonzero((last > first) & (end == begin))
        if len(within):
            found[within] = self._in_block(first[within], last[within])
        return found

    @cached_property
    def _rows(self) -> Values:
        """The array in blocks, filled up with minus infinity (blocks, values)."""
        blocks = max(1, -(-len(self._values) // _BLOCK))
        padded = np.full(blocks * _BLOCK, -np.inf)
        padded[: len(self._values)] = self._values
        return padded.reshape(blocks, _BLOCK)

    @cached_property
    def _cumulated(self) -> tuple[Values, Values]:
        """From each value to the end of its block, and from the beginning of its block to it."""
        from_here = np.maximum.accumulate(self._rows[:, ::-1], axis=1)[:, ::-1]
        return from_here.ravel(), np.maximum.accumulate(self._rows, axis=1).ravel()

    @cached_property
    def _levels(self) -> list[Values]:
        """From each block on, the maxima of one block, of two, of four and so on."""
        levels = [self._rows.max(axis=1)]
        while (step := 2 ** (len(levels) - 1)) * 2 <= len(self._rows):
            levels.append(np.maximum(levels[-1][:-step], levels[-1][step:]))
        return levels

    def _of_blocks(self, first: Places, last: Places) -> Values:
        level = np.frexp(last - first)[1] - 1
        found = np.empty(len(first))
        for each in np.unique(level):
            chosen, maxima = level == each, self._levels[each]
            found[chosen] = np.maximum(maxima[first[chosen]], maxima[last[chosen] - 2 ** int(each)])
        return found

    def _in_block(self, first: Places, last: Places) -> Values:
        """Ranges inside single blocks: value by value, as far as the longest of them."""
        found = self._values[first]
        for step in range(1, int((last - first).max())):
            at = np.minimum(first + step, last - 1)
            found = np.maximum(found, self._values[at])
        return found


class RangeSpread:
    """Maxima and minima of ranges."""

    def __init__(self, values: Values) -> None:
        self._highest, self._lowest = RangeMax(values), RangeMax(-values)

    def highest(self, first: Places, last: Places) -> Values:
        """The maxima of ``values[first:last]``."""
        return self._highest.of(first, last)

    def spread(self, first: Places, last: Places) -> Values:
        """The differences of maxima and minima; the ranges are not empty."""
        return self._highest.of(first, last) + self._lowest.of(first, last)
