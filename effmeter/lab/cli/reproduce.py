"""``effmeter reproduce``: published studies, run again at a chosen scale."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from effmeter.cli.group import CommandGroup
from effmeter.cli.output import emit, say
from effmeter.lab.cli.parameters import (
    Decorator,
    data_dir_option,
    device_option,
    download_option,
    fresh_option,
    json_option,
    output_option,
    seeds_option,
    stop_option,
    wait_option,
)
from effmeter.lab.cli.sweep_outcomes import as_mapping
from effmeter.lab.cli.sweep_progress import seen_from_here
from effmeter.lab.cli.trainer import CommandLineTrainer, refuse_incomplete
from effmeter.lab.studies.catalogue import STUDIES
from effmeter.lab.studies.figure import FigureData, write_figures
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.picture import MISSING, draw
from effmeter.lab.studies.study import Study, StudyOptions, StudyRequest, StudyResult
from effmeter.report.formatting import json_text
from effmeter.report.page import Page
from effmeter.stopping import criterion_examples

_OPTIONS: tuple[tuple[StudyOptions, Decorator], ...] = (
    (
        StudyOptions.PARTS,
        click.option(
            "--part",
            "parts",
            multiple=True,
            metavar="PART",
            help="Run only this part; see below. Repeatable.",
        ),
    ),
    (
        StudyOptions.CRITERIA,
        stop_option(f"Replace the study's criterion: {criterion_examples()}. Repeatable."),
    ),
    (StudyOptions.DATA, data_dir_option),
    (StudyOptions.DATA, download_option),
    (StudyOptions.DEVICE, device_option),
    (
        StudyOptions.MACHINES,
        click.option(
            "--compare",
            "machines",
            nargs=2,
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            metavar="DIR_A DIR_B",
            help="Compare the runs of two machines (appendix A) instead of training.",
        ),
    ),
    (
        StudyOptions.STUDENTS,
        click.option(
            "--students", type=int, help="Number of students of each approach, for the losses."
        ),
    ),
    (
        StudyOptions.STUDENTS,
        click.option(
            "--trials", type=int, help="Number of recorded students of each, for the energies."
        ),
    ),
    (
        StudyOptions.STUDENTS,
        click.option("--iterations", type=int, help="Iterations of each student.  [default: 3500]"),
    ),
)
"""The options of single studies, by what a study reads of a request."""


@click.group("reproduce", cls=CommandGroup)
def command() -> None:
    """Run a published study again and print its tables beside the published figures.

    Runs are recorded. Repeat the command to continue an interrupted study.
    """


def command_of(study: Study) -> click.Command:
    """The command of a study, with the options that it reads."""

    def run(directory: Path | None, as_json: bool, **given: Any) -> None:
        place = directory or Path("runs", f"{study.name}-{given['scale']}")
        request = StudyRequest(directory=place, **given)
        trainer = CommandLineTrainer(place, request.fresh, request.wait)
        result = study.run(request, trainer)
        written = write(result.figures, place / "figures")
        if as_json:
            emit(json_text(_mapping(study, request, result, written)))
        else:
            print_tables(result.tables, result.warnings)
            report_files(written)
        refuse_incomplete(result.outcomes)

    for option in reversed(list(_options_of(study))):
        run = option(run)
    make = click.command(
        study.name, help=study.summary, short_help=study.title, epilog=_epilog(study)
    )
    return make(run)


def _options_of(study: Study) -> Iterable[Decorator]:
    names = list(study.scales)
    yield click.option(
        "--scale",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="How much to train; see below.",
    )
    yield output_option("runs and figures", f"runs/{study.name}-SCALE", as_default=False)
    if StudyOptions.SEEDS in study.options:
        yield seeds_option(study.default_seeds)
    yield from (option for needed, option in _OPTIONS if needed in study.options)
    yield from (fresh_option, wait_option, json_option)


def _epilog(study: Study) -> str:
    paragraphs = [f"{scale.name}: {scale.summary}." for scale in study.scales.values()]
    if study.parts:
        paragraphs.append(f"Parts: {', '.join(study.parts)}.")
    return "\n\n".join(paragraphs)


def _mapping(
    study: Study, request: StudyRequest, result: StudyResult, written: Sequence[Path]
) -> dict[str, object]:
    return {
        "study": study.name,
        "scale": request.scale,
        "warnings": list(result.warnings),
        "tables": [table.as_mapping() for table in result.tables],
        "figures": list(map(str, written)),
        "runs": [as_mapping(outcome) for outcome in result.outcomes],
        **result.details,
    }


def write(figures: Sequence[FigureData], folder: Path) -> list[Path]:
    """Write figures as CSV and draw them; without matplotlib, name the remedy on stderr."""
    if not figures:
        return []
    written = write_figures(figures, folder)
    try:
        return [*written, *draw(figures, folder)]
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        say(MISSING, None)
        return written


def report_files(written: Sequence[Path]) -> None:
    """Name the files of the figures on stderr."""
    for path in written:
        kind = "plot" if path.suffix == ".png" else "data"
        say(f"figure ({kind}): {seen_from_here(path)}", None)


def print_tables(tables: Iterable[PaperTable], warnings: Iterable[str]) -> None:
    """Print each table below its title, its notes below it, and the warnings at the end."""
    page = Page.for_stream()
    for table in tables:
        page.title(f"{table.name}: {table.title}")
        if table.rows:
            page.table(table.headings, table.rows, table.numeric)
        for note in table.notes:
            page.note(note)
        page.blank()
    for text in warnings:
        page.warning(text)
    emit(str(page))


for _study in STUDIES:
    command.add_command(command_of(_study))
