"""Tables 3 to 14 from runs whose energies are known."""

from pathlib import Path

import pytest

from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.training_efficiency.results import CaseResults, cut_runs
from effmeter.lab.studies.training_efficiency.tables import paper_tables
from tests.lab.studies.case_runs import case_cells, case_runs, estimated_cell


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> CaseResults:
    return cut_runs(case_runs(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def tables(study: CaseResults) -> dict[str, PaperTable]:
    return {table.name: table for table in paper_tables(study)}


def test_the_tables_are_those_of_the_paper_in_their_order(tables: dict[str, PaperTable]) -> None:
    assert list(tables) == [f"Table {number}" for number in range(3, 15)]


def test_tables_of_a_second_data_set_say_what_would_fill_them(
    tables: dict[str, PaperTable],
) -> None:
    for number in (4, 6, 8, 10, 12, 14):
        table = tables[f"Table {number}"]
        assert table.rows == ()
        assert table.notes == ("not filled: it needs a second data set (--scale small or full)",)


def test_a_size_stands_beside_its_published_figures(tables: dict[str, PaperTable]) -> None:
    (row,) = (row for row in tables["Table 3"].rows if row[:2] == ("lenet", "2"))
    assert row[2:5] == ("0.98", "50", "1.00000 kJ")
    assert row[6] == "0.98000"
    assert row[9:13] == ("0.993", "50", "0.90", "11.02")


def test_a_published_misprint_is_marked_and_its_mean_given_with_and_without(
    tables: dict[str, PaperTable],
) -> None:
    rows = {row[:2]: row for row in tables["Table 9"].rows}
    assert rows["bcnn", "4"][11:] == ("1.60", "6.06", "misprint")
    assert rows["bcnn", "mean"][12:] == ("1.74", "0.66 without misprint")
    assert rows["lenet", "mean"][12:] == ("26.10", "")


def test_by_how_much_a_budget_was_passed_stands_beside_it(
    tables: dict[str, PaperTable],
) -> None:
    (row,) = (row for row in tables["Table 7"].rows if row[:2] == ("lenet", "3"))
    assert row[3] == "17"  # of 30 J each, where 500 J are allowed
    assert row[8].split("; ")[0] == "10.0 J over"


def test_the_mean_over_sizes_stands_below_them(tables: dict[str, PaperTable]) -> None:
    rows = {row[:2]: row for row in tables["Table 3"].rows}
    of_sizes = [float(rows["lenet", str(size)][6]) for size in range(1, 6)]
    assert float(rows["lenet", "mean"][6]) == pytest.approx(sum(of_sizes) / 5, rel=2e-3)


def test_the_criterion_stands_in_the_title(tables: dict[str, PaperTable]) -> None:
    assert tables["Table 3"].title.endswith("epochs=50")
    assert tables["Table 5"].title.endswith("patience=accuracy:3")


def test_budget_and_target_follow_from_the_runs_by_a_rule_that_is_told(study: CaseResults) -> None:
    budget, target = study.rules
    assert study.criteria["digits"]["energy"] == "energy=500 J"
    assert budget.startswith("digits, energy=500 J: what the most frugal run used up to epoch 50")
    assert target.startswith("digits, accuracy=0.91: 95% of the median")


def test_a_criterion_that_is_given_replaces_the_one_by_rule(tmp_path: Path) -> None:
    study = cut_runs(case_runs(tmp_path), ["energy=3kJ", "epochs=30"])
    criteria = study.criteria["digits"]
    assert (criteria["energy"], criteria["epochs"]) == ("energy=3kJ", "epochs=30")
    assert "digits, energy=3kJ: as given" in study.rules


def test_a_criterion_never_met_says_so_in_place_of_figures(tmp_path: Path) -> None:
    study = cut_runs(case_runs(tmp_path), ["accuracy=0.96"])
    rows = {row[:2]: row for row in paper_tables(study)[6].rows}
    assert rows["bcnn", "1"][2:9] == ("", "", "", "", "", "", "not met in 100 epochs")
    assert rows["lenet", "1"][2] == "0.98"


def test_eq_4_ranks_the_architectures_beside_the_published_ranking(
    tables: dict[str, PaperTable],
) -> None:
    rows = {row[0]: row for row in tables["Table 11"].rows}
    assert rows["all criteria"][7] == "lenet > bcnn"
    assert rows["all criteria"][8:] == ("12.86", "2.88", "4.47", "lenet > bcnn")
    assert float(rows["epochs"][5]) == pytest.approx(3 * 0.98 / 0.95, rel=0.01)


def test_overtraining_is_judged_for_each_run_beside_the_published_verdict(
    tables: dict[str, PaperTable],
) -> None:
    table = tables["Table 13"]
    assert table.headings[5:9] == ("train, 50", "test, 50", "train, 100", "test, 100")
    rows = {row[1:3]: row for row in table.rows}
    assert len(rows) == 10
    assert rows["lenet", "1"][5:] == (
        *("0.9800", "0.9800", "0.9900", "0.9800"),
        *("+0.0000", "+0.0100", "yes"),
        *("+0.0019", "+0.0026", "yes"),
    )
    assert rows["lenet", "2"][-3:] == ("", "", "")
    assert "published: on mnist, not digits" in table.notes


def test_what_an_overtrained_model_gave_is_marked(tables: dict[str, PaperTable]) -> None:
    rows = {row[:2]: row for row in tables["Table 5"].rows}
    assert rows["lenet", "1"][8] == "overtrained"


def test_estimates_and_what_is_not_covered_are_said(tmp_path: Path) -> None:
    runs = [estimated_cell(cell, tmp_path) for cell in case_cells()]
    tables = paper_tables(cut_runs(runs))
    for table in (tables[0], tables[2], tables[8]):
        assert table.notes[:2] == (
            "energies are estimated, not measured: cpu-estimate",
            "not covered: gpu (no driver)",
        )


def test_two_data_sets_fill_every_table(tmp_path: Path) -> None:
    study = cut_runs(case_runs(tmp_path, "small"), targets={"mnist": "accuracy=0.9"})
    tables = {table.name: table for table in paper_tables(study)}
    assert all(table.rows for name, table in tables.items() if name != "Table 13")
    assert "no published figures of cifar10 are held" in tables["Table 4"].notes
    assert len(tables["Table 4"].headings) == 9
    assert tables["Table 9"].title.endswith("accuracy=0.9")
    assert tables["Table 14"].rows[0][:2] == ("lenet", "epochs")
    assert tables["Table 14"].headings[2] == "mnist per kJ"
