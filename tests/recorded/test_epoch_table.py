"""Epochs as a table: a row for each, unknown as null, no metric over a column."""

import pytest

from effmeter.energy import Energy
from effmeter.recorded.epoch_table import table_of_epochs
from effmeter.recorded.records import Measure, RecordedEpoch
from tests.runfile.writing import START_NS, at

FIXED = ["run", "epoch", "begin_s", "end_s", "duration_s"]
ENERGY = ["energy_j", "energy_low_j", "energy_high_j"]


def unknown(begin_ns: int, end_ns: int) -> Energy | None:
    del begin_ns, end_ns
    return None


def twenty_watts(begin_ns: int, end_ns: int) -> Energy | None:
    used_j = 20.0 * (end_ns - begin_ns) * 1e-9
    return Energy(used_j, used_j - 1, used_j + 2)


def epoch(number: int, measure: Measure = unknown, **metrics: float) -> RecordedEpoch:
    """An epoch of two seconds."""
    begin_ns, end_ns = at(2 * number), at(2 * number + 2)
    return RecordedEpoch(number, begin_ns, end_ns, None, number, metrics, measure=measure)


def test_times_count_from_the_beginning_of_the_run_and_energies_have_their_interval() -> None:
    (row,) = table_of_epochs("lenet", START_NS, [epoch(3, twenty_watts)]).to_pylist()
    assert list(row) == FIXED + ENERGY
    assert (row["run"], row["epoch"]) == ("lenet", 3)
    assert [row[name] for name in FIXED[2:]] == pytest.approx([6.0, 8.0, 2.0])
    assert [row[name] for name in ENERGY] == pytest.approx([40.0, 39.0, 42.0])


def test_an_energy_that_is_unknown_is_null_and_not_zero() -> None:
    (row,) = table_of_epochs("lenet", START_NS, [epoch(1)]).to_pylist()
    assert [row[name] for name in ENERGY] == [None, None, None]


def test_metrics_are_columns_in_the_order_in_which_epochs_logged_them() -> None:
    epochs = [epoch(1, loss=0.5), epoch(2, accuracy=0.75, loss=0.25)]
    table = table_of_epochs("lenet", START_NS, epochs)
    assert table.column_names == [*FIXED, *ENERGY, "loss", "accuracy"]
    assert table["loss"].to_pylist() == [0.5, 0.25]
    assert table["accuracy"].to_pylist() == [None, 0.75]


def test_a_metric_with_the_name_of_a_column_stands_beside_it() -> None:
    table = table_of_epochs("lenet", START_NS, [epoch(1, energy_j=7.0, epoch=9.0)])
    assert table["energy_j"].to_pylist() == [None]
    assert table["epoch"].to_pylist() == [1]
    assert table["metric:energy_j"].to_pylist() == [7.0]
    assert table["metric:epoch"].to_pylist() == [9.0]


def test_without_epochs_the_columns_have_their_types() -> None:
    table = table_of_epochs("lenet", START_NS, [])
    assert table.num_rows == 0
    assert [str(kind) for kind in table.schema.types] == ["string", "int64", *["double"] * 6]
