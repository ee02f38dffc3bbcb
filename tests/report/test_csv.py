"""Reports as CSV: what a row holds, and what is escaped."""

import csv
import io
from pathlib import Path

import pytest

from effmeter.analysis.idle import IdleBaseline, IdlePower
from effmeter.analysis.run_analysis import analyse
from effmeter.channel import Component
from effmeter.recorded.reading import read_run
from effmeter.report.csv import CsvRenderer
from effmeter.report.renderer import RenderOptions, Report
from tests.report.runs import write_plain, write_troubled
from tests.runfile.writing import RunFile, counter, every, gauge, metadata


def rows(*paths: Path, has_epochs: bool = False) -> list[dict[str, str]]:
    runs = [analyse(read_run(path)) for path in paths]
    text = CsvRenderer(RenderOptions(has_epochs=has_epochs)).render(Report(runs))
    return list(csv.DictReader(io.StringIO(text)))


def test_a_run_has_its_energies_with_both_ends(tmp_path: Path) -> None:
    path = write_plain(tmp_path / "plain.arrow")
    breakdown = read_run(path).breakdown()
    (row,) = rows(path)
    assert breakdown.total is not None
    found = [float(row[f"energy_{end}j"]) for end in ("", "low_", "high_")]
    assert found == [breakdown.total.value_j, breakdown.total.low_j, breakdown.total.high_j]
    assert float(row["gpu_j"]) == breakdown.components[0].energy.value_j
    assert (row["cover"], row["missing"], row["label.size"]) == ("gpu0 + cpu0", "", "1")
    assert float(row["metric.accuracy"]) == 0.91


def test_unknown_values_are_empty_cells(tmp_path: Path) -> None:
    plain, troubled = rows(
        write_plain(tmp_path / "plain.arrow"), write_troubled(tmp_path / "troubled.arrow")
    )
    assert (plain["ram_j"], troubled["label.size"]) == ("", "")
    assert troubled["metric.accuracy"] == "", "not a number is no number"
    assert troubled["efficiency_per_j"] == ""
    assert troubled["warnings"].startswith("interrupted: ")


def test_an_epoch_has_its_own_energy_and_that_since_the_first(tmp_path: Path) -> None:
    found = rows(write_plain(tmp_path / "plain.arrow"), has_epochs=True)
    assert [row["epoch"] for row in found] == ["1", "2", "3", "4"]
    assert [float(row["energy_j"]) for row in found] == pytest.approx([500] * 4)
    assert float(found[3]["energy_since_first_epoch_j"]) == pytest.approx(2000)


def test_net_energy_has_columns_where_there_is_any(tmp_path: Path) -> None:
    power = IdlePower("", 10.0, 9.0, 11.0, 0.0)
    idle = IdleBaseline("host", "today", 60.0, {"cpu0": power, "gpu0": power})
    run = read_run(write_plain(tmp_path / "plain.arrow"))
    text = CsvRenderer(RenderOptions()).render(Report([analyse(run, idle=idle)]))
    (row,) = csv.DictReader(io.StringIO(text))
    assert float(row["net_j"]) == pytest.approx(2500 - 200)
    assert "net_j" not in rows(run.paths[0])[0]


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+1", "-1"])
def test_a_formula_from_a_strangers_file_is_text(tmp_path: Path, name: str) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(name=name)) as file:
        file.end(1.0)
    (row,) = rows(file.path)
    assert row["name"] == f"'{name}"


def test_quotes_and_lines_in_a_name_stay_in_their_cell(tmp_path: Path) -> None:
    with RunFile(tmp_path / "run.arrow", metadata(name='a "b", c\nd')) as file:
        file.end(1.0)
    (row,) = rows(file.path)
    assert row["name"] == 'a "b", c\\nd'


def test_a_wall_meter_has_its_energy_and_the_part_of_it_that_the_total_is(tmp_path: Path) -> None:
    wall = gauge("wall-ipmi", Component.WALL, window_s=0.1)
    with RunFile(tmp_path / "run.arrow", metadata(channels=(counter(), wall))) as file:
        file.count("cpu0", every(0.1, 0, 10), 70.0)
        file.show("wall-ipmi", every(0.1, 0, 10), 100.0)
        file.end(10.0)
    (row,) = rows(file.path)
    assert float(row["wall-ipmi_j"]) == pytest.approx(1000, rel=0.02)
    low, value, high = (float(row[f"total_per_wall-ipmi{end}"]) for end in ("_low", "", "_high"))
    assert low < value < high
    assert value == pytest.approx(0.7, rel=0.02)
