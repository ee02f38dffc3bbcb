"""A table of epochs gives a run its block and its metrics."""

import math
from pathlib import Path

import pytest

from effmeter.errors import EffmeterError
from effmeter.importers.epochs_csv import epochs_in
from effmeter.importers.timestamps import TimeReader

S = 10**9


def test_an_epoch_begins_where_the_one_before_ended(tmp_path: Path) -> None:
    path = tmp_path / "epochs.csv"
    path.write_text(
        ",epoch,begin,end,loss,accuracy\n"
        "0,0,1700000000,1700000010,0.5,\n"
        "1,1,,1700000020,0.25,0.9\n"
        "\n"
        "2,2,1700000025,1700000030,1e-1,n/a\n"
    )
    marks = epochs_in(path, TimeReader())
    assert (marks.begin_ns, marks.end_ns) == (1_700_000_000 * S, 1_700_000_030 * S)
    spans = [
        ((e.begin_ns - marks.begin_ns) / S, (e.end_ns - marks.begin_ns) / S) for e in marks.epochs
    ]
    assert spans == [(0, 10), (10, 20), (25, 30)]
    assert [dict(epoch.metrics) for epoch in marks.epochs] == [
        {"loss": 0.5},
        {"loss": 0.25, "accuracy": 0.9},
        {"loss": 0.1},
    ]
    assert all(math.isfinite(v) for epoch in marks.epochs for v in epoch.metrics.values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("epoch,loss\n", "no column is called end"),
        ("end,a,a\n", "two columns have the same name"),
        ("end\n", "holds no epoch"),
        ("end\n1700000000\n", "line 2: the first epoch needs a time"),
        ("begin,end\n1700000010,1700000000\n", "line 2: it ends before it begins"),
        ("begin,end\n1700000000,1700000010\n1700000005,1700000020\n", "line 3: .*before the epoch"),
        ("begin,end,loss\n1700000000,1700000010,low\n", "line 2: 'low' is no number"),
        ("begin,end\n1700000000\n", "line 2: it has 1 cells"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "epochs.csv"
    path.write_text(text)
    with pytest.raises(EffmeterError, match=reason):
        epochs_in(path, TimeReader())
