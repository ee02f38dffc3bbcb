"""What one file holds is told in the run clock, and what is missing in words."""

import math
from pathlib import Path

import pytest

from effmeter.runfile.format import Event
from effmeter.runfile.part import Damage
from effmeter.runfile.reader import read_part
from tests.runfile.writing import RunFile, at


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (Damage("batch 2 of 9", 0, 900_000_000), "damaged: batch 2 of 9, 900 ms"),
        (Damage("its end", 0), "damaged: its end, and nothing follows"),
        (Damage("bytes that belong to no batch"), "damaged: bytes that belong to no batch"),
    ],
)
def test_damage_is_one_line(damage: Damage, text: str) -> None:
    assert str(damage) == text


def test_events_carry_the_run_clock_and_the_place_of_their_file(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        file.row(0.5, channel="cpu0", energy_j=1.0)
        file.event(2.0, Event.NOTE, name="x", text="words")
    (row,) = read_part(file.path).events(1)
    assert (row.time_ns, row.event, row.name, row.text, row.part) == (
        at(2.0),
        Event.NOTE,
        "x",
        "words",
        1,
    )


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan, 1e300])
def test_numbers_that_cannot_be_right_are_null_but_in_metrics(tmp_path: Path, odd: float) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        file.event(0.0, Event.ANCHOR, value=odd, duration_s=1.0)
        file.event(1.0, Event.GAP, value=2.0, duration_s=odd)
        file.event(2.0, Event.METRIC, name="loss", value=odd)
    anchor, gap, metric = read_part(file.path).events(0)
    assert (anchor.value, anchor.duration_s) == (None, 1.0)
    assert (gap.value, gap.duration_s) == (2.0, None)
    assert repr(metric.value) == repr(odd)


def test_each_reading_is_of_its_channel(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow") as file:
        for time_s, channel in enumerate(["a", "b", "a"]):
            file.row(float(time_s), channel=channel, energy_j=10.0 * time_s)
        file.event(3.0, Event.NOTE, name="x")
    part = read_part(file.path)
    series = part.series("a", "energy_j")
    assert (series.times_ns.tolist(), series.values.tolist()) == ([at(0), at(2)], [0.0, 20.0])
    assert not len(part.series("a", "power_w").values)
    assert not len(part.series("c", "energy_j").values)


def test_the_readings_of_an_interrupted_file_are_given_back_too(tmp_path: Path) -> None:
    file = RunFile(tmp_path / "run.arrow")
    file.show("gpu0-power", [0.0, 1.0], 50.0)
    file.flush()
    file.kill()
    part = read_part(file.path)
    part.release()
    assert (part.finished, part.readings) == (False, None)
    assert part.series("gpu0-power", "power_w").values.tolist() == [50.0, 50.0]
