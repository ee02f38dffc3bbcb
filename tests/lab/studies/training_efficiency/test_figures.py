"""The data behind the figures."""

import csv
from pathlib import Path

import pytest

from effmeter.errors import EffmeterError
from effmeter.lab.studies.figure import write_figures
from effmeter.lab.studies.training_efficiency.figures import figure_data
from effmeter.lab.studies.training_efficiency.results import CaseResults, cut_runs
from tests.lab.studies.case_runs import case_runs


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> CaseResults:
    return cut_runs(case_runs(tmp_path_factory.mktemp("tiny")))


def test_each_figure_is_a_csv_table(study: CaseResults, tmp_path: Path) -> None:
    written = write_figures(figure_data(study), tmp_path / "figures")
    assert [path.name for path in written] == [
        "figure-05-efficiency-per-epoch-digits.csv",
        "figure-07-lenet-against-bcnn-by-criterion.csv",
        "figure-08-boxes-by-criterion-digits.csv",
        "figure-10-scatter-by-size-digits.csv",
    ]
    with written[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10 * 100
    last = rows[99]
    assert (last["architecture"], last["size"], last["epoch"]) == ("lenet", "1", "100")
    assert float(last["energy_j"]) == pytest.approx(1000.0)
    assert float(last["efficiency_per_j"]) == pytest.approx(0.98e-3)
    assert float(last["efficiency_low_per_j"]) <= float(last["efficiency_per_j"])


def test_a_box_holds_the_quartiles_of_the_sizes(study: CaseResults) -> None:
    boxes = figure_data(study)[2].rows
    (box,) = (b for b in boxes if (b["architecture"], b["criterion"]) == ("lenet", "epochs"))
    expected = [0.98 / (500.0 * size) for size in (5, 4, 3, 2, 1)]
    names = ("lowest", "first_quartile", "median", "third_quartile", "highest")
    assert [box[f"{name}_per_j"] for name in names] == pytest.approx(expected)


def test_the_scatter_has_a_point_for_each_model_and_criterion(study: CaseResults) -> None:
    assert len(figure_data(study)[3].rows) == 10 * 4


def test_figures_of_an_earlier_call_are_replaced(study: CaseResults, tmp_path: Path) -> None:
    first = write_figures(figure_data(study), tmp_path)
    assert write_figures(figure_data(study), tmp_path) == first


def test_a_folder_that_cannot_be_written_is_one_line(study: CaseResults, tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    with pytest.raises(EffmeterError, match="occupied cannot be written"):
        write_figures(figure_data(study), tmp_path / "occupied")
