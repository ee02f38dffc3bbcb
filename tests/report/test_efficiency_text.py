"""Comparisons as text: flags, warnings, power samples, and what gave no figure."""

from pathlib import Path

import pytest

from effmeter.analysis.efficiency_framework.from_runs import observe
from effmeter.analysis.efficiency_framework.from_tables import read_tables
from effmeter.analysis.efficiency_framework.result import EfficiencyFramework, build_framework
from effmeter.report.efficiency_text import add_comparison
from effmeter.report.page import Page
from effmeter.stopping import parse_criteria
from tests.analysis.labelled_runs import labelled_run

HEADER = "architecture,dataset,criterion,size,accuracy,energy,efficiency\n"


def printed(result: EfficiencyFramework) -> str:
    page = Page()
    add_comparison(page, result)
    return str(page)


def of_table(folder: Path, rows: str, unit: str = "J") -> str:
    table = folder / "table.csv"
    table.write_text(HEADER + rows)
    return printed(build_framework(read_tables([table], unit, "accuracy")))


def test_power_samples_are_per_million_watts_and_have_no_interval(tmp_path: Path) -> None:
    text = of_table(tmp_path, "lenet,mnist,epochs,1,0.9,2.0e5,\n", "power-samples")
    assert "Eq 2 per 1e6 W" in text
    row = next(line for line in text.splitlines() if line.startswith("  lenet "))
    assert row.split()[-4:] == ["W", "4.500", "not", "known"]
    assert "  ! power samples in place of energy" in text


def test_a_row_that_contradicts_itself_is_flagged_and_left_out_of_the_second_means(
    tmp_path: Path,
) -> None:
    rows = "lenet,mnist,epochs,1,0.9,100.0,0.009\nlenet,mnist,epochs,2,0.9,200.0,0.1\n"
    text = of_table(tmp_path, rows)
    assert "means, without what is flagged" in text
    assert "without size 2" in text
    assert f"  ! flagged: {tmp_path}/table.csv, line 3: " in text


@pytest.mark.parametrize("criteria", [["epochs=9"], ["epochs=9", "accuracy=0.99"]])
def test_criteria_without_a_figure_are_named_once_for_each_run(
    tmp_path: Path, criteria: list[str]
) -> None:
    run = labelled_run(tmp_path / "run.arrow", architecture="lenet", dataset="digits", size=1)
    text = printed(build_framework(observe([run], parse_criteria(criteria))))
    names = ", ".join(criterion.partition("=")[0] for criterion in criteria)
    assert f"  ! no figure by {names}: {run.paths[0]}: not met in 6 epochs" in text


def test_architectures_are_ranked_by_what_can_be_told_apart(tmp_path: Path) -> None:
    runs = [
        labelled_run(
            tmp_path / f"{name}.arrow", power_w=power_w, architecture=name, dataset="d", size=1
        )
        for name, power_w in (("lenet", 50.0), ("bcnn", 100.0))
    ]
    text = printed(build_framework(observe(runs, parse_criteria(["epochs=2"]))))
    assert "lenet > bcnn" in text
    assert "distinguishable" in text
