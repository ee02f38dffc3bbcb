"""``effmeter reproduce s1``: the case study of the training-efficiency framework."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from effmeter.errors import EffmeterError, UsageError
from effmeter.lab.cli import reproduce_figures
from effmeter.lab.cli.reproduce_tables import print_tables
from effmeter.lab.cli.sweep import parse_integers, run_grid
from effmeter.lab.cli.sweep_outcomes import as_mapping
from effmeter.lab.studies.paper_table import PaperTable
from effmeter.lab.studies.training_efficiency.criteria import replaced_criteria
from effmeter.lab.studies.training_efficiency.figures import figure_data
from effmeter.lab.studies.training_efficiency.machines import machine_tables, two_machines
from effmeter.lab.studies.training_efficiency.published import published
from effmeter.lab.studies.training_efficiency.scale import (
    ARCHITECTURES,
    PUBLISHED_TARGETS,
    SCALES,
    Scale,
)
from effmeter.lab.studies.training_efficiency.study import CaseStudy, case_study
from effmeter.lab.studies.training_efficiency.tables import paper_tables
from effmeter.lab.sweep import Outcome, find_device
from effmeter.lab.workloads import Recipe
from effmeter.recorded.reading import find_runs, read_run
from effmeter.report.efficiency_mapping import efficiency_mapping

_SCALES = "\n\n".join(f"{scale.name}: {scale.summary}." for scale in SCALES.values())


@click.command(epilog=_SCALES)
@click.option(
    "--scale",
    "scale_name",
    type=click.Choice(list(SCALES)),
    default="tiny",
    show_default=True,
    help="How much is trained; see below.",
)
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path),
    help="Where runs and figures' data go.  [default: runs/s1-SCALE]",
)
@click.option(
    "--seeds", default="0", show_default=True, help="Seeds; several give intervals over them: 0-4."
)
@click.option(
    "--stop",
    "criteria",
    multiple=True,
    metavar="CRITERION",
    help="In place of the criterion of that name: energy=2kJ, accuracy=0.95, patience=5, "
    "epochs=30. May be given several times.",
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="A folder of data set files.")
@click.option("--download", is_flag=True, help="Get data sets from Hugging Face.")
@click.option("--device", default="auto", show_default=True, help="Where to train.")
@click.option("--fresh", is_flag=True, help="Repeat runs that are done; their files are set aside.")
@click.option("--wait", is_flag=True, help="Wait while another measured training has the device.")
@click.option(
    "--compare",
    "folders",
    nargs=2,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR_A DIR_B",
    help="Train nothing: set the runs of two machines side by side (appendix A).",
)
@click.option("--json", "as_json", is_flag=True, help="Print tables and figures as JSON.")
def s1(
    scale_name: str,
    directory: Path | None,
    seeds: str,
    criteria: tuple[str, ...],
    data_dir: Path | None,
    download: bool,
    device: str,
    fresh: bool,
    wait: bool,
    folders: tuple[Path, Path] | None,
    as_json: bool,
) -> None:
    """Measure LeNet and its Bayesian equivalent, and print Tables 3 to 14.

    Cueto-Mendoza and Kelleher, "A framework for measuring the training efficiency of a neural
    architecture". Ten models are trained for 100 epochs on each data set, every run recorded;
    each criterion is a cut of these recordings. Published figures stand beside one's own where
    they are held. The data behind Figures 5 to 11 is written as CSV beside the runs.
    """
    replaced_criteria(criteria)
    if folders is not None:
        _compare(folders, criteria, as_json)
        return
    scale = SCALES[scale_name]
    common = Recipe(ARCHITECTURES[0], data_dir=data_dir, download=download)
    numbers = parse_integers(seeds, "--seeds")
    scale.cells(numbers, common)  # mistakes are told before torch is loaded
    found = find_device(device)
    place = directory or Path("runs", f"s1-{scale.name}")
    cells = scale.cells(numbers, replace(common, device=found.name))
    outcomes = run_grid(cells, found, place, fresh=fresh, wait=wait)
    recorded = [outcome.path for outcome in outcomes if outcome.path is not None]
    study = case_study(list(map(read_run, recorded)), criteria, scale.targets)
    written = reproduce_figures.write(figure_data(study), place / "figures")
    _print_study(scale, study, outcomes, written, as_json)
    unfinished = sum(not outcome.is_complete for outcome in outcomes)
    if unfinished:
        raise EffmeterError(f"{unfinished} of {len(outcomes)} runs did not complete")


def _print_study(
    scale: Scale,
    study: CaseStudy,
    outcomes: Sequence[Outcome],
    written: Sequence[Path],
    as_json: bool,
) -> None:
    tables = paper_tables(study)
    if as_json:
        mapping = {
            "scale": scale.name,
            "rules": list(study.rules),
            "caveats": list(study.caveats),
            "tables": [table.as_mapping() for table in tables],
            "efficiency": efficiency_mapping(study.framework),
            "published": efficiency_mapping(published()),
            "figures": list(map(str, written)),
            "runs": [as_mapping(outcome) for outcome in outcomes],
        }
        click.echo(json.dumps(mapping, indent=2, allow_nan=False))
        return
    print_tables(tables, study.rules)
    reproduce_figures.tell(written)


def _compare(folders: tuple[Path, Path], criteria: Sequence[str], as_json: bool) -> None:
    pairs = [(folder, list(map(read_run, _runs_in(folder)))) for folder in folders]
    one, other = two_machines(pairs, criteria, PUBLISHED_TARGETS)
    tables: list[PaperTable] = machine_tables(one, other)
    if as_json:
        mapping = {
            "rules": list(one.study.rules),
            "tables": [table.as_mapping() for table in tables],
            "machines": [efficiency_mapping(machine.study.framework) for machine in (one, other)],
        }
        click.echo(json.dumps(mapping, indent=2, allow_nan=False))
    else:
        print_tables(tables, one.study.rules)


def _runs_in(folder: Path) -> Iterable[Path]:
    found = [path for path in find_runs([folder]) if path != folder]
    if not found:
        raise UsageError(f"{folder} holds no run (*.arrow)")
    return found
