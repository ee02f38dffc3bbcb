import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from effmeter.analysis.run_analysis import analyse
from effmeter.channel import Component
from effmeter.cli import effmeter
from effmeter.recorded.reading import read_run
from tests.runfile.writing import RunFile, counter, every, gauge, metadata
from tests.schemas import assert_fits

PARTS_W, WALL_W = 70.0, 100.0


def write(path: Path, *, has_parts: bool = True) -> Path:
    """Ten seconds of 70 W in the processor, and 100 W by a wall meter that errs by 10 %."""
    wall = gauge(
        "wall-ipmi",
        Component.WALL,
        scope="the machine, by its BMC",
        window_s=0.1,
        gain_error_fraction=0.1,
    )
    channels = (counter(), wall) if has_parts else (wall,)
    with RunFile(path, metadata(channels=channels)) as file:
        if has_parts:
            file.count("cpu0", every(0.1, 0, 10), PARTS_W)
        file.show("wall-ipmi", every(0.1, 0, 10), WALL_W)
        file.epoch(1, 1, 9, accuracy=0.5)
        file.end(10.0)
    return path


def test_the_wall_stands_apart_and_the_total_is_a_part_of_it(tmp_path: Path) -> None:
    analysis = analyse(read_run(write(tmp_path / "run.arrow")))
    assert analysis.breakdown.cover.names == ("cpu0",)
    (wall,) = analysis.walls
    assert wall.energy.value_j == pytest.approx(1000, rel=0.02)
    ratio = wall.total_ratio
    assert ratio is not None
    assert ratio.low <= 0.7 <= ratio.high
    assert ratio.value == pytest.approx(0.7, rel=0.02)
    assert ratio.systematic == pytest.approx(0.07, rel=0.05)


def test_a_report_shows_parts_and_wall_with_their_ratio(tmp_path: Path) -> None:
    path = write(tmp_path / "run.arrow")
    text = CliRunner().invoke(effmeter, ["report", str(path)]).stdout
    line = next(line for line in text.splitlines() if line.strip().startswith("wall"))
    assert "1.0" in line
    assert "wall-ipmi; the total is 70" in text
    told = json.loads(CliRunner().invoke(effmeter, ["report", "--json", str(path)]).stdout)
    assert_fits(told, "report")
    (wall,) = told["runs"][0]["walls"]
    assert wall["channel"] == "wall-ipmi"
    assert wall["scope"] == "the machine, by its BMC"
    assert wall["total_ratio"]["value"] == pytest.approx(0.7, rel=0.02)


def test_a_machine_of_which_only_the_wall_is_read_counts_there(tmp_path: Path) -> None:
    path = write(tmp_path / "run.arrow", has_parts=False)
    analysis = analyse(read_run(path))
    assert analysis.breakdown.cover.names == ("wall-ipmi",)
    assert analysis.breakdown.total is not None
    assert analysis.breakdown.total.value_j == pytest.approx(1000, rel=0.02)
    assert [part.component for part in analysis.breakdown.components] == [Component.WALL]
    assert analysis.walls == ()
    text = CliRunner().invoke(effmeter, ["report", str(path)]).stdout
    assert [line.split()[0] for line in text.splitlines() if "wall-ipmi" in line] == [
        "wall",
        "total",
    ]
    told = json.loads(CliRunner().invoke(effmeter, ["report", "--json", str(path)]).stdout)
    assert_fits(told, "report")
    assert told["runs"][0]["total"]["channels"] == ["wall-ipmi"]


def test_a_run_without_a_wall_meter_has_none(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path, metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), PARTS_W)
        file.end(10.0)
    assert analyse(read_run(path)).walls == ()
