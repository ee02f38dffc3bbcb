"""What must hold of a report on any file: one line or figures, and no other figure unsaid."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from effmeter.cli import effmeter
from effmeter.errors import EffmeterError
from effmeter.recorded.reading import read_run

VIEWS: tuple[Sequence[str], ...] = (
    ("--json",),
    (),
    ("--details", "--epochs"),
    ("--csv",),
    ("--csv", "--epochs"),
    ("--efficiency",),
)


class FaultError(AssertionError):
    """A report that is wrong."""


def check_view(path: Path, view: Sequence[str]) -> str:
    """Run ``effmeter report`` on a file; its output. Raises FaultError."""
    result = CliRunner(env={"COLUMNS": ""}).invoke(effmeter, ["report", *view, str(path)])
    error = result.exception
    if error is not None and not isinstance(error, SystemExit):
        raise FaultError(f"{view}: an exception") from error
    if "a bug of effmeter" in result.stderr:
        raise FaultError(f"{view}: {result.stderr}")
    if result.exit_code not in (0, 1, 2) or (result.exit_code != 0) != bool(result.stderr):
        raise FaultError(f"{view}: exit status {result.exit_code}, stderr {result.stderr!r}")
    hidden = {c for c in result.stdout + result.stderr if not c.isprintable()} - {"\n"}
    if hidden:
        raise FaultError(f"{view}: invisible characters {hidden}")
    return result.stdout


def check_reading(path: Path) -> None:
    """Read a file in Python: any error is one of effmeter's."""
    try:
        run = read_run(path)
        for epoch in run.epochs:
            assert epoch.energy is None or epoch.energy.value_j >= 0
        run.breakdown()
    except EffmeterError as error:
        if "\n" in str(error):
            raise FaultError("an error of several lines") from error


def figures(shown: str) -> list[Mapping[str, Any]]:
    """The runs of a report in JSON, less the paths and warnings."""
    runs: list[dict[str, Any]] = json.loads(shown)["runs"]
    for run in runs:
        run.pop("warnings")
        for host in run["hosts"]:
            host.pop("files")
    return list(runs)


def check_figures(shown: str, intact: str) -> None:
    """The figures of a damaged file are those of the intact one, or the report says so."""
    found = json.loads(shown)
    said = [*found["errors"], *(text for run in found["runs"] for text in run["warnings"])]
    is_cut = any(run["status"] in ("interrupted", "recording") for run in found["runs"])
    is_said = is_cut or any("damaged" in text for text in said) or not found["runs"]
    if not is_said and figures(shown) != figures(intact):
        raise FaultError("other figures, and nothing said")
