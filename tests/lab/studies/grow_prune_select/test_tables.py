"""Tables II to IV and the loss curves from runs whose energies are known."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from effmeter.lab.studies.grow_prune_select.loss_curves import figure_data
from effmeter.lab.studies.grow_prune_select.study import SCALES
from effmeter.lab.studies.grow_prune_select.tables import paper_tables
from effmeter.lab.studies.method_results import MethodResults
from effmeter.lab.studies.variant import Variant, cells_of
from effmeter.lab.sweep.outcome import outcome_of
from effmeter.lab.workloads import Recipe
from effmeter.recorded.reading import read_run
from effmeter.runfile.format import Label
from tests.runfile.writing import RunFile, counter, every, metadata

SEEDS = (0, 1)


def watts_and_accuracy(variant: Variant, seed: int) -> tuple[float, float]:
    """The big baseline draws 10 W and names 0.9 rightly; the second seed is a little better."""
    if variant.method == "dense":
        is_big = variant == SCALES["tiny"].tables[0].comparisons[0].dense
        watts, accuracy = (10.0, 0.9) if is_big else (4.0, 0.8)
    else:
        watts, accuracy = (5.0 + seed, 0.81) if "e2-train" in variant.method else (8.0, 0.855)
    return watts, accuracy * (1.0 + 0.01 * seed)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> MethodResults:
    folder = tmp_path_factory.mktemp("runs")
    scale = SCALES["tiny"].restricted_to(["table-2"])
    outcomes = []
    for place, cell in enumerate(cells_of(scale.variants, SEEDS, Recipe("", device="cpu"))):
        path = folder / f"{place}.arrow"
        write(path, cell.name, cell.labels, scale.variants[place % len(scale.variants)], place)
        outcomes.append(outcome_of(cell, read_run(path)))
    return MethodResults.gather(scale, outcomes)


def write(path: Path, name: str, labels: Mapping[str, Label], variant: Variant, place: int) -> None:
    """A run of two epochs of a minute each."""
    seed = place // 9
    watts, accuracy = watts_and_accuracy(variant, seed)
    described = metadata(name=name, channels=(counter(),), labels=labels)
    with RunFile(path, described) as file:
        file.count("cpu0", every(1.0, 0, 121), watts)
        for number in (1, 2):
            file.epoch(
                number,
                60.0 * (number - 1),
                60.0 * number,
                loss=1.0 / number,
                accuracy=accuracy,
                nominal_backward_flops=watts,
                method_active=1.0,
                forward_flops=watts,
                backward_flops=watts,
                dense_forward_flops=10.0,
                dense_backward_flops=10.0,
            )
        file.end(121.0)


def test_gains_and_losses_stand_beside_the_published(study: MethodResults) -> None:
    (table,) = paper_tables(study)
    assert table.name == "Table II"
    column = {
        heading: place for place, heading in enumerate(table.headings) if heading != "interval"
    }
    rows = {row[0]: row for row in table.rows}
    assert list(rows)[:3] == ["big", "small", "selection-50"]
    small = rows["small"]
    assert float(small[column["gain, %"]]) == pytest.approx(60.0, abs=0.01)
    assert float(small[column["loss, %"]]) == pytest.approx(100 / 9, abs=0.05)
    assert float(small[column["time, min"]]) == pytest.approx(2.0)
    assert small[column["backward / big"]] == "0.400"
    assert small[-2] == "49.87"
    assert small[column["published, J"]] == "234844.92"
    assert rows["big"][column["gain, %"]] == ""
    assert rows["selection-40"][-2] == ""


def test_gains_are_paired_over_seeds_with_an_interval(study: MethodResults) -> None:
    (table,) = paper_tables(study)
    row = next(row for row in table.rows if row[0] == "selection-50")
    place = table.headings.index("gain, %")
    assert float(row[place]) == pytest.approx(45.0, abs=1.0)
    low, high = (float(end) for end in row[place + 1].strip("[]").split(","))
    assert low < 45.0 < high


def test_notes_hold_the_verdicts_and_say_what_is_published(study: MethodResults) -> None:
    (table,) = paper_tables(study)
    assert "published: WRN-28-1 on CIFAR-10, 200 epochs, on the authors' machine" in table.notes
    assert any("gradmax - gradmax, at random" in note for note in table.notes)
    assert any("selection-30 - small" in note for note in table.notes)


def test_loss_curves_have_a_row_for_each_epoch_of_each_run(study: MethodResults) -> None:
    (figure,) = figure_data(study)
    assert figure.file_name == "figure-03-loss-curves-wrn.csv"
    assert len(figure.rows) == 9 * len(SEEDS) * 2
    big = figure.rows[1]
    assert (big["method"], big["epoch"], big["loss"]) == ("dense", 2, 0.5)
    assert big["energy_j"] == pytest.approx(1200.0)


def test_a_study_without_runs_is_an_empty_table_and_no_figure() -> None:
    scale = SCALES["tiny"].restricted_to(["table-4"])
    empty = MethodResults.gather(scale, [])
    (table,) = paper_tables(empty)
    assert table.name == "Table IV"
    assert all(row[1] == "" for row in table.rows)
    assert figure_data(empty) == []
