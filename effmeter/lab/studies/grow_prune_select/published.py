"""Published figures of Boumendil et al., Grow, prune or select data, as they are printed."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

Printed = Mapping[str, str]
"""Figures by column, in the paper's digits; empty where none is held."""


@cache
def published_energies() -> Mapping[str, float]:
    """Table I: joules of one training of a student, by approach."""
    return {row["approach"]: float(row["energy_j"]) for row in _rows("table_1.csv")}


@cache
def published_gains() -> Mapping[tuple[int, str], Printed]:
    """Tables II to IV: what is held of each, by table and approach."""
    rows = _rows("tables_2_to_4.csv")
    return {(int(row["table"]), row["approach"]): row for row in rows}


def _rows(name: str) -> list[dict[str, str]]:
    table = files("effmeter.lab.studies.grow_prune_select") / "published_tables" / name
    return list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
