"""What a gauge that looks part of the time misses of changes that are sharp, and of all others.

What is sharp depends on the window: a part of the range of its power. Short windows are looked at
one by one. Long ones share few ranges, and for each the changes are cumulated once.
"""

import numpy as np

from effmeter.energy.part_time import Places, Values

_LONG = 256
"""Changes in a window from which on it shares the work with others of its range."""


class SharpChanges:
    """The changes of the power between knots (W), and what may be missed at each (J)."""

    def __init__(self, changes_w: Values, missed_j: Values) -> None:
        self._changes_w = changes_w
        self._missed_j = missed_j

    def missed_j(self, first: Places, last: Places, sharp_w: Values) -> Values:
        """What may be missed of the changes ``first:last`` of each window (n,).

        Sharp rises miss by the same, and so do sharp falls; the others are independent.
        """
        found = np.zeros(len(first))
        is_long = last - first >= _LONG
        for place in np.flatnonzero(~is_long):
            changes = slice(first[place], last[place])
            rises, falls, smooth = (s[-1] for s in self._sums(changes, float(sharp_w[place])))
            found[place] = np.sqrt(rises**2 + falls**2 + smooth)
        for sharp in np.unique(sharp_w[is_long]):
            places = np.flatnonzero(is_long & (sharp_w == sharp))
            begin, end = first[places].min(), last[places].max()
            rises_j, falls_j, smooth_j2 = (
                sums[last[places] - begin] - sums[first[places] - begin]
                for sums in self._sums(slice(begin, end), float(sharp))
            )
            found[places] = np.sqrt(rises_j**2 + falls_j**2 + np.maximum(smooth_j2, 0.0))
        return found

    def _sums(self, changes: slice, sharp_w: float) -> tuple[Values, Values, Values]:
        """Cumulated over some changes: missed at sharp rises, at falls, the squares of others."""
        changes_w, missed_j = self._changes_w[changes], self._missed_j[changes]
        is_rise, is_fall = changes_w >= sharp_w, changes_w <= -sharp_w
        is_smooth = np.abs(changes_w) < sharp_w
        return (
            _cumulated(np.where(is_rise, missed_j, 0.0)),
            _cumulated(np.where(is_fall, missed_j, 0.0)),
            _cumulated(np.where(is_smooth, missed_j, 0.0) ** 2),
        )


def _cumulated(values: Values) -> Values:
    return np.concatenate(([0.0], np.cumsum(values)))
