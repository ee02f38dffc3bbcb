"""The account of operations, counted from the real layers, beside the published one.

Zhong et al., ssProp, Eq 6 to 8: the backward pass of an iteration at a batch of 128, and its total
over a training, dense and with a drop rate of 0.8 on every other epoch. Nothing is trained for it.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.workloads.models.entry import Images

BATCH = 128
_GIGA, _PETA = 1e9, 1e15
_HEADINGS = (
    *("data", "model", "dense, GFLOP", "published", "ssProp, GFLOP", "published"),
    *("executed, GFLOP", "epochs", "dense, PFLOP", "published", "ssProp, PFLOP", "published"),
)


@cache
def flops_table(method: str) -> PaperTable:
    """A row for each published network, with the method in text."""
    rows = tuple(_row(printed, method) for printed in published_flops())
    notes = (
        "per iteration of 128 images, then over a training; published: the paper's own tables",
        "executed: whole channels, and no gradient to the images; the others are nominal",
    )
    name, title = "Account", "operations of the backward pass, counted beside published"
    return PaperTable(name, title, _HEADINGS, rows, tuple(range(2, len(_HEADINGS))), notes)


@cache
def published_flops() -> tuple[Mapping[str, str], ...]:
    """The published figures as they are printed."""
    table = files("effmeter.lab.studies.ssprop") / "published_tables" / "backward_flops.csv"
    return tuple(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


def _row(printed: Mapping[str, str], method: str) -> tuple[str, ...]:
    from effmeter.lab.workloads.models.flops import work_of
    from effmeter.methods.flops.counter import iterations
    from effmeter.methods.registry import parse_method

    images = Images(int(printed["channels"]), *[int(printed["side"])] * 2)
    epochs = int(printed["epochs"])
    dense = work_of(printed["model"], images, BATCH).nominal.backward
    sparse = work_of(printed["model"], images, BATCH, parse_method(method), epochs)
    steps = iterations(int(printed["samples"]), BATCH, epochs)
    return (
        printed["dataset"],
        printed["model"],
        *(f"{dense / _GIGA:.2f}", printed["dense_gflop"]),
        *(f"{sparse.nominal.backward / _GIGA:.2f}", printed["ssprop_gflop"]),
        f"{sparse.executed.backward / _GIGA:.2f}",
        str(epochs),
        *(f"{dense * steps / _PETA:.2f}", printed["dense_pflop"]),
        *(f"{sparse.nominal.backward * steps / _PETA:.2f}", printed["ssprop_pflop"]),
    )
