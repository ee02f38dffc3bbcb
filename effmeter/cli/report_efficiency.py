"""What ``effmeter report`` does where the efficiency framework is asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from effmeter.analysis.efficiency_framework.from_runs import observe
from effmeter.analysis.efficiency_framework.from_tables import read_tables
from effmeter.analysis.efficiency_framework.result import Framework, framework
from effmeter.errors import UsageError
from effmeter.recorded.run import RecordedRun
from effmeter.stopping import Criterion, parse_criteria

PUBLISHED_CRITERIA = ("epochs=50", "accuracy=0.97", "patience=3", "energy=100kJ")
"""Those of Cueto-Mendoza and Kelleher, their budget of 100 thousand taken as joules."""


def framework_of_runs(
    runs: Sequence[RecordedRun], criteria: Mapping[str, Criterion], metric: str | None, energy: str
) -> Framework | None:
    """The framework over recorded runs, each cut by each criterion; None where there are none."""
    if not runs or not criteria:
        return None
    return framework(observe(runs, criteria, metric, energy))


def wanted_criteria(stops: Sequence[str], *, is_wanted: bool) -> dict[str, Criterion]:
    """The criteria that are given, else the published ones; none where none is wanted."""
    return parse_criteria(stops or PUBLISHED_CRITERIA) if stops or is_wanted else {}


def wanted_labels(texts: Sequence[str]) -> dict[str, str]:
    """The labels that ``--where`` names; UsageError for a text that names none."""
    parts = [text.partition("=") for text in texts]
    for text, (name, _, value) in zip(texts, parts, strict=True):
        if not (name.strip() and value.strip()):
            raise UsageError(f"--where takes LABEL=VALUE such as dataset=mnist, not {text!r}")
    return {name.strip(): value.strip() for name, _, value in parts}


def framework_of_tables(
    tables: Sequence[Path], energy_unit: str, metric: str | None
) -> Framework | None:
    """The framework over tables of measurements made elsewhere; None where there are none."""
    if not tables:
        return None
    return framework(read_tables(tables, energy_unit, metric or "accuracy"))


def refuse_without_object(
    files: Sequence[Path], tables: Sequence[Path], framework_options: dict[str, bool]
) -> None:
    """UsageError for options that say nothing about what is given."""
    if not files and not tables:
        raise click.UsageError("Missing argument 'FILES...', or --csv FILE.")
    for option, is_given in framework_options.items():
        if is_given and not files:
            raise click.UsageError(f"{option} is about run files, and only tables are given.")
