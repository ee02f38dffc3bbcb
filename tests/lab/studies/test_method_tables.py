"""Tables of studies of methods, from runs that are given."""

from pathlib import Path

import pytest

from effmeter.lab.studies.gradient_approximation.study import SCALES as S4_SCALES
from effmeter.lab.studies.gradient_approximation.study import paper_tables as s4_tables
from effmeter.lab.studies.method_results import MethodResults, MethodScale
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.ssprop.study import SCALES as S3_SCALES
from effmeter.lab.studies.ssprop.study import figure_data
from effmeter.lab.studies.ssprop.study import paper_tables as s3_tables
from effmeter.lab.studies.study import energy_warnings
from tests.lab.studies.method_runs import Given, written_study

SSPROP = Given(0.92, epoch_s=0.5, kept=(1.0, 0.2))
S3_GIVEN = {
    "ssprop:drop=0.8": SSPROP,
    "ssprop:drop=0.8,selection=random": Given(0.91, kept=(1.0, 0.2)),
    "ssprop:drop=0.8,schedule=bar": Given(active=0.0),
}


def study(scale: MethodScale, given: dict[str, Given], folder: Path) -> MethodResults:
    return MethodResults.gather(scale, written_study(scale.variants, given, folder))


def row(table: PaperTable, what: str) -> dict[str, str]:
    """The row of a method; of headings that repeat, what follows another is its interval."""
    (found,) = [row for row in table.rows if row[2] == what]
    cells: dict[str, str] = {}
    for place, heading in enumerate(table.headings):
        name = heading if heading not in ("interval", "/ dense") else f"{_before(table, place)}"
        cells[name] = found[place]
    return cells


def _before(table: PaperTable, place: int) -> str:
    return f"{table.headings[place - 1]} {table.headings[place]}"


@pytest.fixture
def dropout(tmp_path: Path) -> PaperTable:
    scale = S3_SCALES["tiny"].restricted_to(["table-6"])
    (table,) = s3_tables(study(scale, S3_GIVEN, tmp_path))[1:]
    return table


def test_each_method_stands_beside_the_dense_training(dropout: PaperTable) -> None:
    assert [row[2] for row in dropout.rows] == [
        "dense",
        "Dropout 0.4",
        "ssProp",
        "random channels",
        "0.2 + 0.2",
    ]
    dense, sparse = row(dropout, "dense"), row(dropout, "ssProp")
    assert dense["accuracy"] == "0.910"
    assert dense["- dense"] == ""
    assert sparse["- dense"] == "+0.02000"
    assert sparse["nominal / dense"] == "0.300"
    assert sparse["energy"].endswith(" J")
    assert sparse["energy interval"].startswith("[")
    assert row(dropout, "Dropout 0.4")["model"] == "cnn2 width=16 dropout=0.4"


def test_each_method_is_judged_by_its_control_and_by_stopping_early(dropout: PaperTable) -> None:
    verdicts = [note for note in dropout.notes if note.startswith("digits, cnn2")]
    assert verdicts == [
        "digits, cnn2 width=16: ssProp - random channels: +0.01000 not known",
        "digits, cnn2 width=16: ssProp - dense stopped at equal time: +0.4200 not known",
    ]


def test_a_method_that_left_nothing_out_is_said_to_be_inactive(tmp_path: Path) -> None:
    scale = S3_SCALES["tiny"].restricted_to(["sensitivity"])
    tables = s3_tables(study(scale, S3_GIVEN, tmp_path))
    schedulers = tables[2]
    assert schedulers.title == "schedulers of the same average drop rate"
    assert row(schedulers, "bar 0.8")[""] == "inactive: it left out nothing"
    assert row(schedulers, "linear to 0.8")[""] == ""
    dimensions = tables[1]
    assert row(dimensions, "all, top-k")[""] == "computes densely"
    assert any("all, top-k - all, random" in note for note in dimensions.notes)


def test_diffusion_models_are_told_by_the_distance_of_what_they_generate(tmp_path: Path) -> None:
    scale = S3_SCALES["tiny"].restricted_to(["table-5"])
    given = {"dense": Given(accuracy=9.0), "ssprop:drop=0.8": Given(accuracy=12.5)}
    (table,) = s3_tables(study(scale, given, tmp_path))[1:]
    assert table.headings[3:7] == ("fid", "interval", "- dense", "interval")
    assert row(table, "dense")["fid"] == "9.01"
    assert row(table, "ssProp")["- dense"] == "+3.500"
    assert "it compares the rows of this table and nothing else" in table.notes[1]


def test_the_account_of_operations_is_the_published_one(tmp_path: Path) -> None:
    scale = S3_SCALES["tiny"].restricted_to(["table-5"])
    account = s3_tables(study(scale, {}, tmp_path))[0]
    assert len(account.rows) == 4
    for found in account.rows:
        assert found[2] == found[3]
        assert found[4] == found[5]
        assert float(found[6]) < float(found[4])
        assert found[8:10] == (found[9], found[9])
        assert found[10] == found[11]


def test_the_search_tells_what_the_sparse_mode_finds(tmp_path: Path) -> None:
    scale = S3_SCALES["tiny"].restricted_to(["figure-4"])
    result = study(scale, S3_GIVEN, tmp_path)
    (table,) = s3_tables(result)[1:]
    assert len(table.rows) == 6
    assert "best in dense mode: learning rate 0.0003, batch 32; in sparse" in table.notes[0]
    (figure,) = figure_data(result)
    assert figure.file_name == "figure-04-hyperparameter-search.csv"
    assert len(figure.rows) == 6 * 2 * 2
    assert {row["mode"] for row in figure.rows} == {"dense", "sparse"}


def test_speed_is_told_beside_what_the_operations_promise(tmp_path: Path) -> None:
    scale = S4_SCALES["tiny"].restricted_to(["table-5"])
    given = {"max-gradient:schedule=s2": Given(epoch_s=0.5, kept=(0.7,))}
    (table,) = s4_tables(study(scale, given, tmp_path))
    (vgg, residual) = [found for found in table.rows if found[2] == "max, s2"]
    assert vgg[1:3] == ("vgg11 width=8", "max, s2")
    assert vgg[table.headings.index("speed-up")] == "2.000"
    assert vgg[table.headings.index("FLOPs promise")] == "1.250"  # 3 over 1 + 2 x 0.7
    assert residual[1] == "resnet20 width=4"
    (smaller,) = [found for found in table.rows if found[2] == "smaller, dense"]
    assert smaller[table.headings.index("FLOPs promise")] == "1.000"  # as much was written for it


def test_the_switch_at_a_plateau_says_when_it_was_made(tmp_path: Path) -> None:
    scale = S4_SCALES["tiny"].restricted_to(["table-4"])
    text = next(v.method for v in scale.variants if "plateau" in v.method)
    given = {text: Given(kept=(0.7, 0.7, 0.7, 0.7, 1.0))}
    (table,) = s4_tables(study(scale, given, tmp_path))
    switched = row(table, "max, s2, in full from a plateau on")
    assert switched[""] == "in full for the last 2, 2 epochs"
    assert any("- smaller, dense" in note for note in table.notes)


def test_what_failed_stands_in_its_row(tmp_path: Path) -> None:
    scale = S4_SCALES["tiny"].restricted_to(["table-2"])
    given = {"zero-gradient:schedule=cnn2": Given(status="out of memory")}
    (table,) = s4_tables(study(scale, given, tmp_path))
    assert row(table, "zero, cnn2")["accuracy"] == ""
    assert row(table, "zero, cnn2")[""] == "out of memory"


def test_json_has_plain_numbers_and_null_for_what_is_not_known(tmp_path: Path) -> None:
    scale = S4_SCALES["tiny"].restricted_to(["table-2"])
    outcomes = written_study(scale.variants, {}, tmp_path, seeds=(0,))
    result = MethodResults.gather(scale, outcomes)
    dense, *others = result.as_mappings()
    assert dense["method"] == "dense"
    assert dense["metric"] == "accuracy"
    assert dense["metric_value"] == {"value": pytest.approx(0.9), "low": None, "high": None}
    assert len(others) == 3
    assert list(energy_warnings(result.runs)) == []
