"""The record of an external meter, in the forms that people have it in."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from effmeter.analysis.meter_csv import check_meter_csv, reference_csv
from effmeter.analysis.sensor_calibration import Reference, shown_by
from effmeter.errors import UsageError
from effmeter.recorded.reading import read_run
from tests.runfile.writing import START_NS, WALL_NS, RunFile, every, gauge, metadata

GPU = gauge(window_s=0.1)


def reference(folder: Path, text: str) -> Reference:
    with RunFile(folder / "run.arrow", metadata(channels=(GPU,))) as file:
        file.show("gpu0-power", every(0.1, 0, 10), 100.0)
        file.end(10.0)
    run = read_run(file.path)
    path = folder / "meter.csv"
    path.write_text(text)
    return reference_csv(path, run, shown_by(run, GPU), 5.0, 0.01)


def test_watts_are_integrated_and_joules_taken_as_they_are(tmp_path: Path) -> None:
    watts = reference(tmp_path, "time_s,power_w\n0,100\n1,200\n3,200\n").curve
    joules = reference(tmp_path, "time_ms,Energy_J,note\n0,7,a\n1000,157,b\n3000,557,c\n").curve
    assert list(watts.passed_j) == [0.0, 150.0, 550.0]
    assert list(joules.passed_j - joules.passed_j[0]) == [0.0, 150.0, 550.0]
    assert list(joules.times_s) == [0.0, 1.0, 3.0]


@pytest.mark.parametrize("is_iso", [True, False])
def test_times_of_the_wall_clock_are_brought_to_the_clock_of_the_run(
    tmp_path: Path, is_iso: bool
) -> None:
    moments_s = WALL_NS * 1e-9 + np.array([0.0, 1.0, 2.0])
    shown = [
        datetime.fromtimestamp(s, UTC).isoformat() if is_iso else f"{s:.3f}" for s in moments_s
    ]
    lines = "".join(f"{moment},100\n" for moment in shown)
    found = reference(tmp_path, f"time,watts\n{lines}")
    assert found.curve.times_s == pytest.approx(
        START_NS * 1e-9 + np.array([0.0, 1.0, 2.0]), abs=1e-3
    )
    assert (found.earliest_s, found.latest_s) == (-5.0, 5.0)


def test_times_from_any_other_beginning_are_looked_for_over_the_whole_run(tmp_path: Path) -> None:
    found = reference(tmp_path, "time,watts\n0,100\n1,100\n4,100\n")
    begin_s = START_NS * 1e-9 - GPU.window_s / 2
    assert found.earliest_s == pytest.approx(begin_s - 4.0, abs=0.2)
    assert found.latest_s == pytest.approx(begin_s + 10.0, abs=0.2)


def test_unfinished_last_line_is_passed_over(tmp_path: Path) -> None:
    for unfinished in ("3,1", "3", "3,"):
        found = reference(tmp_path, f"time_s,power_w\n0,100\n1,200\n{unfinished}")
        assert list(found.curve.times_s) == [0.0, 1.0]


def test_record_without_a_reading_is_one_that_has_begun(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_text("time_s,power_w\n")
    check_meter_csv(path)
    path.write_text("time_s,power_w\n0,100\n0,100\n")
    with pytest.raises(UsageError, match="do not rise"):
        check_meter_csv(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not nothing"),
        ("when,watts\n0,1\n", "names a time"),
        ("time,volts\n0,1\n", "names a time"),
        ("time,watts\n0,100\nnever,100\n", "line 3: 'never' is not a time in seconds"),
        ("time,watts\n0,100\n1,\n", "line 3: '' is not a number"),
        ("time,watts\n0,100\n1,nan\n", "line 3: nan is not finite"),
        ("time,watts\n0,100\ninf,9\n", "line 3: inf is not finite"),
        ("time,watts\n0,100\n0,100\n", "do not rise"),
        ("time,watts\n0,100\n", "fewer than two readings"),
        ("time,watts\n", "fewer than two readings"),
    ],
)
def test_a_file_that_is_no_record_is_a_usage_error(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        reference(tmp_path, text)


def test_a_file_that_is_no_text_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    path.write_bytes(b"ARROW1\0\0\xff\xff")
    with pytest.raises(UsageError, match=r"run\.arrow is no CSV file: it is not text"):
        check_meter_csv(path)
