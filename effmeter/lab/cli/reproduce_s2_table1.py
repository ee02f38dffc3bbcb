"""``effmeter reproduce s2-table1``: the teacher-student study."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from effmeter.errors import UsageError
from effmeter.lab.cli import reproduce_figures
from effmeter.lab.cli.reproduce_tables import print_tables
from effmeter.lab.studies.caveats import energy_caveats
from effmeter.lab.studies.teacher_student.scale import LEAST_ITERATIONS, SCALES, Scale
from effmeter.lab.sweep.device import not_installed

if TYPE_CHECKING:
    from effmeter.lab.studies.teacher_student.table import StudentStudy

_SCALES = "\n\n".join(f"{scale.name}: {scale.summary}." for scale in SCALES.values())


@click.command("s2-table1", epilog=_SCALES)
@click.option(
    "--scale",
    "scale_name",
    type=click.Choice(list(SCALES)),
    default="tiny",
    show_default=True,
    help="How many students are trained; see below.",
)
@click.option("--runs", type=int, help="Students of each approach for the curves.")
@click.option("--trials", type=int, help="Students of each approach recorded for the energies.")
@click.option("--iterations", type=int, help="Of each student.  [default: the paper's 3500]")
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path),
    help="Where runs, curves and figures' data go.  [default: runs/s2-table1-SCALE]",
)
@click.option("--fresh", is_flag=True, help="Repeat what is done; its run files are set aside.")
@click.option("--wait", is_flag=True, help="Wait while another measured training has the device.")
@click.option("--json", "as_json", is_flag=True, help="Print table and caveats as JSON.")
def s2_table1(
    scale_name: str,
    runs: int | None,
    trials: int | None,
    iterations: int | None,
    directory: Path | None,
    fresh: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Measure the students of one teacher by nine approaches, and print Table I.

    Boumendil et al., "Grow, prune or select data". Losses come from many students trained at
    once, energies from single ones that are recorded on the processor. The published
    joules stand beside one's own; Figures 1 and 2 are written as CSV and, with matplotlib, as
    pictures. The same command again goes on where an interrupted one ended.
    """
    scale = _scale(scale_name, runs, trials, iterations)
    place = directory or Path("runs", f"s2-table1-{scale.name}")
    try:
        from effmeter.lab.studies.teacher_student.figures import figure_data

        study, caveats = _study(scale, place, fresh, wait)
    except ModuleNotFoundError as error:
        raise not_installed(error) from error
    written = reproduce_figures.write(figure_data(study), place / "figures")
    _print(study, caveats, written, as_json)


def _scale(name: str, runs: int | None, trials: int | None, iterations: int | None) -> Scale:
    """A scale with what is given in place of its own; UsageError for too few."""
    given = {"runs": (runs, 2), "trials": (trials, 1), "iterations": (iterations, LEAST_ITERATIONS)}
    for option, (number, least) in given.items():
        if number is not None and number < least:
            raise UsageError(f"--{option} takes {least} or more, not {number}")
    scale = SCALES[name]
    return replace(
        scale,
        runs=runs or scale.runs,
        trials=trials or scale.trials,
        iterations=iterations or scale.iterations,
    )


def _study(scale: Scale, place: Path, fresh: bool, wait: bool) -> "tuple[StudentStudy, list[str]]":
    """The study and what its energies are subject to; the recordings come first."""
    from effmeter.lab.studies.teacher_student.saved_curves import saved_curves
    from effmeter.lab.studies.teacher_student.table import StudentStudy
    from effmeter.lab.studies.teacher_student.trials import (
        by_approach,
        record_students,
        students_of,
    )

    runs = record_students(
        students_of(scale), place, fresh=fresh, tell=_tell, on_wait=_tell_wait if wait else None
    )
    curves = saved_curves(scale, place / "curves", fresh=fresh, tell=_tell)
    study = StudentStudy(scale, curves, by_approach(runs))
    return study, list(energy_caveats(list(runs.values())))


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _tell_wait(reason: str) -> None:
    _tell(f"waiting: {reason}")


def _print(
    study: "StudentStudy", caveats: Sequence[str], written: Sequence[Path], as_json: bool
) -> None:
    from effmeter.lab.studies.teacher_student.table import table_1

    table = table_1(study)
    if as_json:
        mapping = {
            "scale": study.scale.name,
            "runs": study.scale.runs,
            "trials": study.scale.trials,
            "iterations": study.scale.iterations,
            "caveats": list(caveats),
            "tables": [table.as_mapping()],
            "figures": list(map(str, written)),
        }
        click.echo(json.dumps(mapping, indent=2, allow_nan=False))
        return
    print_tables([table], caveats)
    reproduce_figures.tell(written)
