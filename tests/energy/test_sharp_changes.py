"""What is missed at sharp changes, for short windows and for long ones that share the work."""

import numpy as np
import pytest

from effmeter.energy.sharp_changes import SharpChanges


def test_windows_of_any_length_are_as_each_by_itself() -> None:
    generator = np.random.default_rng(3)
    changes_w, missed_j = generator.standard_normal(3000), generator.random(3000)
    sharp = SharpChanges(changes_w, missed_j)
    first = generator.integers(0, 2900, 60)
    last = np.minimum(first + generator.integers(0, 3000, 60), 3000)
    sharp_w = generator.choice([0.3, 1.0], 60)

    def alone(begin: int, end: int, least_w: float) -> float:
        changes, missed = changes_w[begin:end], missed_j[begin:end]
        rises, falls = missed[changes >= least_w].sum(), missed[changes <= -least_w].sum()
        smooth = missed[np.abs(changes) < least_w]
        return float(np.sqrt(rises**2 + falls**2 + (smooth**2).sum()))

    windows = zip(first.tolist(), last.tolist(), sharp_w.tolist(), strict=True)
    expected = [alone(*window) for window in windows]
    assert sharp.missed_j(first, last, sharp_w).tolist() == pytest.approx(expected)
