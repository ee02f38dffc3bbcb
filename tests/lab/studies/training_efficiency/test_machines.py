"""Appendix A: two machines side by side."""

from pathlib import Path

import pytest

from effmeter.channel import Component
from effmeter.errors import UsageError
from effmeter.lab.studies.training_efficiency.machines import machine_tables, two_machines
from tests.lab.studies.case_runs import case_cells, case_runs, recorded_cell
from tests.runfile.writing import counter


def test_machines_that_sum_the_same_components_are_divided(tmp_path: Path) -> None:
    one = case_runs(tmp_path / "a", host="alpha")
    other = case_runs(tmp_path / "b", host="beta", channel=counter("cpu7"))
    machines = two_machines([(tmp_path / "a", one), (tmp_path / "b", other)])
    (table,) = machine_tables(*machines)
    assert table.rows[0][:2] == ("lenet", "epochs")
    assert table.rows[0][2] == table.rows[0][4]
    assert float(table.rows[0][6]) == pytest.approx(1.0)
    assert table.notes[:2] == (
        f"A: {tmp_path / 'a'}, host alpha, sums cpu",
        f"B: {tmp_path / 'b'}, host beta, sums cpu",
    )
    assert "ranking by energy: A lenet > bcnn, B lenet > bcnn: the same order" in table.notes


def test_machines_that_sum_other_components_are_not_divided_but_ranked(tmp_path: Path) -> None:
    one = case_runs(tmp_path / "a")
    other = case_runs(tmp_path / "b", channel=counter("gpu0", Component.GPU))
    (table,) = machine_tables(*two_machines([(tmp_path / "a", one), (tmp_path / "b", other)]))
    assert {row[6:] for row in table.rows} == {("", "")}
    assert "no ratios: the two machines do not sum the same components" in table.notes
    assert any(note.startswith("ranking by all criteria") for note in table.notes)


def test_both_are_cut_by_the_same_criteria(tmp_path: Path) -> None:
    one = case_runs(tmp_path / "a")
    other = [recorded_cell(cell, tmp_path / "b") for cell in case_cells() if cell.recipe.size < 3]
    first, second = two_machines([(tmp_path / "a", one), (tmp_path / "b", other)])
    assert first.study.criteria == second.study.criteria


def test_a_data_set_that_one_machine_has_not_run_is_named(tmp_path: Path) -> None:
    tiny = case_runs(tmp_path / "a")
    small = case_runs(tmp_path / "b", "small")
    with pytest.raises(UsageError, match=r"only one of .* has runs on cifar10, digits, mnist"):
        two_machines([(tmp_path / "a", tiny), (tmp_path / "b", small)])
