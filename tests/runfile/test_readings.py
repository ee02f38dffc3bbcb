"""Readings come back by channel, whether they are held or put away."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from effmeter.errors import RunFileError
from effmeter.runfile.readings import Readings, Series


def filled(most_held_bytes: int) -> Readings:
    """Two channels in three blocks, of which the second states how long readings took."""
    readings = Readings(most_held_bytes)
    a, b = readings.number("a"), readings.number("b")
    for block in range(3):
        times_ns = np.array([1, 2, 3, 4]) + 10 * block
        read_s = np.array([np.nan, 0.5, np.nan, np.nan]) if block == 1 else None
        readings.add("power_w", np.array([b, a, b, a]), times_ns, times_ns * 1.0, read_s)
    readings.add("power_w", np.array([a]), np.array([13]), np.array([7.0]), None)
    return readings


def as_lists(series: Series) -> list[list[float]]:
    return [column.tolist() for column in series]


@pytest.mark.parametrize("most_held_bytes", [2**20, 100, 0])
def test_the_readings_of_a_channel_are_in_order_of_time(most_held_bytes: int) -> None:
    readings = filled(most_held_bytes)
    assert as_lists(readings.series("power_w", "a")) == [
        [2, 4, 12, 13, 14, 22, 24],
        [2, 4, 12, 7, 14, 22, 24],
        [0, 0, 0.5, 0, 0, 0, 0],
    ]
    assert readings.series("power_w", "b").values.tolist() == [1, 3, 11, 13, 21, 23]


def test_what_was_never_read_is_empty() -> None:
    readings = filled(2**20)
    for kind, channel in (("power_w", "c"), ("energy_j", "a")):
        assert as_lists(readings.series(kind, channel)) == [[], [], []]


def test_a_temporary_file_without_room_is_an_error_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    readings = Readings(most_held_bytes=0)
    number = np.array([readings.number("cpu0")])
    with pytest.raises(RunFileError, match="TMPDIR"):
        readings.add("energy_j", number, np.array([1]), np.array([2.0]), None)
