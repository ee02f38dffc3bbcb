"""Tables of measurements made elsewhere: what they may hold, and one clear line for what not."""

from pathlib import Path

import pytest

from effmeter.analysis.efficiency_framework.from_tables import energy_unit_j, read_tables
from effmeter.errors import EffmeterError, TableError, UsageError

COLUMNS = "architecture,dataset,criterion,size,accuracy,energy"
ROW = "lenet,mnist,epochs,1,0.9,2.0"
ACCURACIES = "train_50,test_50,train_100,test_100"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_row_is_an_observation(table: Path) -> None:
    write(
        table,
        f"{COLUMNS},epochs,seed,fold,energy_low,energy_high,efficiency,batch_size",
        f"{ROW},50,7,2,1.5,3.0,0.45,64",
    )
    (seen,) = read_tables([table], "kJ").observed
    assert str(seen.trial) == "lenet size 1 seed 7 fold 2 on mnist"
    assert (seen.criterion, seen.metric, seen.metric_value) == ("epochs", "accuracy", 0.9)
    assert (seen.energy.value_j, seen.energy.low_j, seen.energy.high_j) == (2000, 1500, 3000)
    assert (seen.epochs, seen.batch_size, seen.flags) == (50, 64, ())
    assert seen.source == f"{table}, line 2"
    assert seen.efficiency_per_j.value == pytest.approx(0.45e-3)
    assert seen.efficiency_per_j.low == pytest.approx(0.45e-3 - (0.45e-3 - 0.9 / 3000))


def test_an_efficiency_that_is_not_printed_follows_and_has_no_interval(table: Path) -> None:
    (seen,) = read_tables([write(table, COLUMNS, ROW)]).observed
    assert seen.efficiency_per_j.value == pytest.approx(0.45)
    assert seen.efficiency_per_j.sources == ()


def test_a_spreadsheets_byte_order_mark_blank_lines_and_spaces_are_no_matter(table: Path) -> None:
    table.write_text(f"\ufeff{COLUMNS.replace(',', ', ')}\n\n{ROW.replace(',', ' , ')}\n,,,,,\n")
    assert len(read_tables([table]).observed) == 1


def test_any_metric_may_stand_in_place_of_accuracy(table: Path) -> None:
    write(table, COLUMNS.replace("accuracy", "f1"), ROW)
    (seen,) = read_tables([table], metric="f1").observed
    assert seen.metric == "f1"


def test_several_tables_are_one(table: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.csv", COLUMNS, ROW.replace("epochs", "energy"))
    found = read_tables([write(table, COLUMNS, ROW), other]).observed
    assert [seen.criterion for seen in found] == ["epochs", "energy"]


def test_columns_that_mean_nothing_here_are_named(table: Path) -> None:
    write(table, f"{COLUMNS},colour", f"{ROW},red")
    assert read_tables([table]).warnings == (f"{table}: columns not used: colour",)


def test_sizes_that_differ_between_architectures_are_named(table: Path) -> None:
    write(table, COLUMNS, ROW, ROW.replace("lenet", "bcnn"), ROW.replace(",1,", ",2,"))
    (warning,) = read_tables([table]).warnings
    expected = "sizes differ between architectures on mnist: only lenet has 2"
    assert warning == f"{expected} ({table}, line 4)"


@pytest.mark.parametrize(
    ("unit", "joules"),
    [("J", 1), ("kJ", 1e3), ("Wh", 3600), ("kWh", 3.6e6), ("power-samples", 1)],
)
def test_units_of_energy(unit: str, joules: float) -> None:
    assert energy_unit_j(unit) == joules


@pytest.mark.parametrize("unit", ["kcal", "", "2 J", "W"])
def test_an_unknown_unit_is_a_mistake_of_usage(unit: str) -> None:
    with pytest.raises(
        UsageError, match=f"'{unit}' is not a unit of energy: J, Wh, .* power-samples"
    ):
        energy_unit_j(unit)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "is empty"),
        ([COLUMNS], "is empty"),
        (["architecture,dataset,size", "lenet,mnist,1"], "no column criterion, accuracy, energy;"),
        (
            [COLUMNS.replace("size,", ""), "lenet,mnist,epochs,0.9,2.0"],
            "has no column size; it has",
        ),
        ([f"{COLUMNS},energy", f"{ROW},2.0"], "has two columns energy"),
        ([COLUMNS, ROW.replace("2.0", "two")], "line 2: energy is no number: 'two'"),
        ([COLUMNS, ROW.replace("2.0", "-2.0")], "line 2: energy is not above zero: -2.0"),
        ([COLUMNS, ROW.replace("2.0", "0")], "line 2: energy is not above zero: 0"),
        ([COLUMNS, ROW.replace("0.9", "nan")], "line 2: accuracy is not finite: nan"),
        ([COLUMNS, ROW.replace("0.9", "1e999999")], "line 2: accuracy is beyond the range of"),
        ([COLUMNS, ROW.replace("2.0", "1e400")], "line 2: energy is beyond the range of floats"),
        ([COLUMNS, ROW.replace("2.0", "1e-400")], "line 2: energy is beyond the range of floats"),
        ([COLUMNS, ROW.replace("0.9", "")], "line 2: accuracy is empty"),
        ([COLUMNS, ROW.replace(",1,", ",x1,")], "line 2: size is no number: 'x1'"),
        ([COLUMNS, ROW.replace("lenet", " ")], "line 2: architecture is empty"),
        ([COLUMNS, f"{ROW},1"], "line 2: 7 cells for 6 columns"),
        ([COLUMNS, f'{ROW[:-3]}"2.0'], "is no CSV table"),
        ([f"{COLUMNS},epochs", f"{ROW},2.5"], "line 2: epochs is no whole number: 2.5"),
        ([f"{COLUMNS},energy_low", f"{ROW},1"], "line 2: energy_high is empty"),
        ([f"{COLUMNS},energy_low,energy_high", f"{ROW},3,4"], r"energy 2 is outside \[3, 4\]"),
        ([f"{COLUMNS},train_50", f"{ROW},0.9"], "needs train_N and test_N for two epochs N"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_clear_line(
    table: Path, lines: list[str], complaint: str
) -> None:
    with pytest.raises(TableError, match=complaint) as caught:
        read_tables([write(table, *lines) if lines else _empty(table)])
    assert str(caught.value).startswith(str(table))
    assert "\n" not in str(caught.value)


def _empty(path: Path) -> Path:
    path.touch()
    return path


def test_rows_that_are_the_same_are_named(table: Path) -> None:
    write(table, COLUMNS, ROW, ROW.replace("0.9", "0.8"))
    with pytest.raises(UsageError, match=r"equal labels .*line 2, .*line 3") as caught:
        read_tables([table])
    assert "lenet size 1 on mnist, epochs" in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_one_clear_line(table: Path) -> None:
    with pytest.raises(TableError, match="cannot be read: No such file"):
        read_tables([table])
    table.write_bytes(b"\xff\xfe\x00architecture")
    with pytest.raises(EffmeterError, match="is no CSV table"):
        read_tables([table])


def test_accuracies_may_stand_in_the_same_table_or_alone(table: Path, tmp_path: Path) -> None:
    figures = "0.99,0.98,0.995,0.98"
    write(table, f"{COLUMNS},{ACCURACIES}", f"{ROW},{figures}")
    both = read_tables([table])
    assert [seen.verdict.is_overtrained for seen in both.overtraining] == [True]
    (warning,) = both.observed[0].warnings
    assert warning.startswith("overtrained from epoch 50 to 100")
    alone = write(tmp_path / "t.csv", f"architecture,dataset,size,{ACCURACIES}", f"a,b,1,{figures}")
    assert read_tables([alone]).observed == ()
